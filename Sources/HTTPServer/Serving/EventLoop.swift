import CLinux
import Glibc
import Synchronization
import System
import TLS

/// A thread that owns an epoll instance and the connections registered with it.
///
/// Everything here runs on that thread except `enqueue` and `wake`. `@unchecked Sendable`: other
/// threads call only those two, which touch only the inbox (behind its lock), the wake flag
/// (atomic) and the eventfd.
final class EventLoop: @unchecked Sendable {
    typealias Task = @Sendable (EventLoop) -> Void
    /// A listener, and the service of its connections.
    typealias Listening = (listener: Listener, service: Service)

    let index: Int
    unowned let server: Server
    let limits: HTTPLimits
    let timeouts: Timeouts
    let counters: LoopCounters
    let requestLog: RequestLog
    let renderError: @Sendable (HTTPError, String?, inout Response) -> Void

    private let epoll: Int32
    private let wakeDescriptor: Int32
    private let inbox = Mutex<[Task]>([])
    private let isWoken = Atomic<Bool>(false)

    /// Connections by slot. A token is a slot and its generation, so an event for a closed
    /// connection is recognized as stale even if its slot is in use again.
    private var slots: [Connection?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [UInt32] = []
    private(set) var connectionCount = 0
    /// The connections that wait for a request, for each of the server's pools.
    let rests = (0..<Server.poolCount).map { _ in RestOrder() }
    /// The connections whose body pauses between two items, for each pool.
    let pauses = (0..<Server.poolCount).map { _ in RestOrder() }
    /// Connections that have more to do although no event will come for them.
    private var ready: [Connection] = []

    private var listeners: [Listening] = []
    private var nextAccept = UInt64.max
    private(set) var isDraining = false
    /// The start of the drain, on the loop's clock.
    private(set) var drainBegan: UInt64 = 0
    /// The next time to look for clients that stall the shutdown.
    private var nextStallCheck = UInt64.max
    private var isStopped = false

    /// The time of the last wake-up, in nanoseconds of the monotonic clock.
    private(set) var now = clinux_monotonic_nanoseconds()
    /// The time of the next sweep: no connection's deadline is earlier.
    private var nextSweep = UInt64.max
    private var dateSecond: Int64 = 0
    private(set) var dateLine: [UInt8] = []

    /// The buffer that one connection at a time reads into. An idle connection owns no buffer.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    var output: [UInt8] = []
    private var response = Response()

    /// The timeouts of `HTTPLimits` in nanoseconds, because converting a 128-bit Duration for each
    /// request is expensive.
    struct Timeouts {
        let header, body, bodyIdle, idle, write, streamWrite, answer, stall, linger: UInt64

        init(_ limits: HTTPLimits) {
            header = limits.headerTimeout.inNanoseconds
            body = limits.bodyGrace.inNanoseconds
            bodyIdle = limits.bodyIdleTimeout.inNanoseconds
            idle = limits.idleTimeout.inNanoseconds
            write = limits.writeTimeout.inNanoseconds
            streamWrite = limits.streamWriteTimeout.inNanoseconds
            answer = limits.answerGrace.inNanoseconds
            stall = limits.stallTimeout.inNanoseconds
            linger = limits.lingerTimeout.inNanoseconds
        }
    }

    private static let wakeToken = UInt64.max
    /// Tokens from here on belong to listeners; no slot number comes near them.
    private static let listenerTokens = UInt64.max - 1024
    private static let acceptsPerWake = 64
    private static let acceptPause: UInt64 = 100_000_000
    private static let stallCheckPause: UInt64 = 50_000_000
    private static let sweepGranularity: UInt64 = 10_000_000

    init(index: Int, server: Server) throws(SystemError) {
        self.index = index
        self.server = server
        limits = server.configuration.limits
        timeouts = Timeouts(limits)
        requestLog = server.requestLog
        counters = LoopCounters(paths: server.router.numberedPaths.count)
        renderError = server.configuration.renderError
        epoll = clinux_epoll_create()
        guard epoll >= 0 else { throw SystemError("create an epoll instance") }
        wakeDescriptor = clinux_eventfd()
        guard wakeDescriptor >= 0,
            clinux_epoll_add(epoll, wakeDescriptor, UInt32(CLINUX_READABLE), Self.wakeToken) == 0
        else { throw SystemError("create an eventfd") }
        output.reserveCapacity(16 * 1024)
    }

    deinit {
        // Errors are ignored: if a PendingResponse held the last reference, there is nobody to
        // report them to.
        _ = close(epoll)
        _ = close(wakeDescriptor)
        input.deallocate()
    }

    // MARK: From any thread

    /// Queues `task` to run on the loop's thread at its next wake-up.
    func enqueue(_ task: @escaping Task) {
        inbox.withLock { $0.append(task) }
    }

    /// Wakes the thread if tasks wait for it.
    func wake() {
        guard !inbox.withLock({ $0.isEmpty }),
            !isWoken.exchange(true, ordering: .acquiringAndReleasing)
        else {
            return
        }
        var one: UInt64 = 1
        // The counter cannot be full: each wake-up reads it, and it is written at most once between
        // two.
        let written = retryingInterrupts { write(wakeDescriptor, &one, 8) }
        precondition(written == 8, "an eventfd takes a 1")
    }

    // MARK: The thread

    func run() {
        var events = [clinux_event](repeating: clinux_event(), count: 256)
        while !isStopped {
            let count = retryingInterrupts {
                clinux_epoll_wait(epoll, &events, Int32(events.count), waitMilliseconds())
            }
            precondition(count >= 0, "epoll_wait on our own descriptor")
            now = clinux_monotonic_nanoseconds()
            updateDate()
            for event in events[..<Int(count)] { dispatch(event) }
            runReady()
            runInbox()
            // Whatever handlers and tasks kept for this turn must go now: they may not run again
            // for hours.
            server.configuration.afterTurn(index)
            if now >= nextSweep { sweep() }
            if now >= nextAccept { resumeAccepting() }
            if now >= nextStallCheck { endStalled() }
        }
    }

    private func waitMilliseconds() -> Int32 {
        guard ready.isEmpty else { return 0 }
        let next = min(nextSweep, nextAccept, nextStallCheck)
        guard next != .max else { return -1 }
        guard next > now else { return 0 }
        // Rounded up, because waking before a deadline would only mean waiting again.
        return Int32(clamping: (next - now + 999_999) / 1_000_000)
    }

    private func updateDate() {
        let second = clinux_realtime_milliseconds() / 1000
        guard second != dateSecond else { return }
        dateSecond = second
        dateLine = HTTPDate.fieldLine(seconds: second)
    }

    private func dispatch(_ event: clinux_event) {
        if event.token == Self.wakeToken {
            var counter: UInt64 = 0
            _ = retryingInterrupts { read(wakeDescriptor, &counter, 8) }
        } else if event.token >= Self.listenerTokens {
            let (listener, service) = listeners[Int(event.token - Self.listenerTokens)]
            accept(from: listener, for: service)
        } else if let connection = connection(event.token) {
            connection.handle(event.events)
        }
    }

    private func runReady() {
        guard !ready.isEmpty else { return }
        let connections = ready
        ready.removeAll(keepingCapacity: true)
        for connection in connections { connection.resume() }
    }

    private func runInbox() {
        guard isWoken.exchange(false, ordering: .acquiringAndReleasing) else { return }
        let tasks = inbox.withLock { tasks in
            let taken = tasks
            tasks = []
            return taken
        }
        for task in tasks { task(self) }
    }

    /// Queues `connection` to be resumed at the next wake-up, which is immediate.
    func addReady(_ connection: Connection) { ready.append(connection) }

    // MARK: Connections

    func connection(_ token: UInt64) -> Connection? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < slots.count, generations[slot] == UInt32(token >> 32) else { return nil }
        return slots[slot]
    }

    /// Takes over a connected socket.
    func adopt(_ descriptor: Int32, for service: Service) {
        var transport = Transport(descriptor: descriptor, session: nil)
        if let credentials = service.credentials {
            let session = TLSSession.accepting(credentials.current, descriptor: descriptor)
            transport = Transport(descriptor: descriptor, session: session)
        }
        guard !isDraining, transport.session != nil || service.credentials == nil else {
            transport.close()
            return service.pool.release()
        }
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = Int(free)
        } else {
            slot = slots.count
            slots.append(nil)
            generations.append(0)
        }
        let token = UInt64(generations[slot]) << 32 | UInt64(slot)
        let connection = Connection(transport, to: service, loop: self, token: token)
        slots[slot] = connection
        connectionCount += 1
        guard clinux_epoll_add(epoll, descriptor, connection.interest, token) == 0 else {
            connection.close()
            return
        }
        connection.start()
    }

    func setInterest(_ connection: Connection) {
        let result = clinux_epoll_modify(
            epoll, connection.transport.descriptor, connection.interest, connection.token)
        precondition(result == 0, "a live connection is registered")
    }

    /// Forgets a connection whose socket has been closed.
    func remove(_ connection: Connection) {
        let slot = Int(connection.token & 0xFFFF_FFFF)
        slots[slot] = nil
        // 31 bits, so that no token comes near those of the listeners.
        generations[slot] = (generations[slot] + 1) & 0x7FFF_FFFF
        freeSlots.append(UInt32(slot))
        connectionCount -= 1
        rests[connection.service.pool.index].remove(slot)
        pauses[connection.service.pool.index].remove(slot)
        connection.service.pool.release()
        if connection.isMakingRoom { server.noteEndOfPause(in: connection.service.pool) }
        stopIfDrained()
    }

    /// Notes that `connection` now waits for a request.
    func noteRest(_ connection: Connection) {
        rests[connection.service.pool.index].append(Int(connection.token & 0xFFFF_FFFF), now: now)
    }

    /// Notes that `connection` has a request to handle.
    func noteRequest(_ connection: Connection) {
        rests[connection.service.pool.index].remove(Int(connection.token & 0xFFFF_FFFF))
    }

    /// Notes that the body of `connection` has started to pause and may do so for a while.
    func notePause(_ connection: Connection) {
        pauses[connection.service.pool.index].append(Int(connection.token & 0xFFFF_FFFF), now: now)
    }

    /// Notes that the body of `connection` has ended or must continue.
    func noteEndOfPause(_ connection: Connection) {
        pauses[connection.service.pool.index].remove(Int(connection.token & 0xFFFF_FFFF))
    }

    /// Ends the body in `pool` that has paused longest; false if none is paused.
    func endLongestPause(of pool: ConnectionPool) -> Bool {
        while let slot = pauses[pool.index].popFirst() {
            guard let connection = slots[slot], connection.endIfPausing() else { continue }
            counters.displaced.add(1)
            return true
        }
        return false
    }

    /// Closes the connection in `pool` that has waited longest for a request; false if none waits.
    func closeLongestResting(of pool: ConnectionPool) -> Bool {
        while let slot = rests[pool.index].popFirst() {
            guard let connection = slots[slot], connection.closeIfResting() else { continue }
            counters.displaced.add(1)
            return true
        }
        return false
    }

    /// Makes sure that the loop wakes for `deadline`.
    func noteDeadline(_ deadline: UInt64) {
        if deadline < nextSweep { nextSweep = max(deadline, now + Self.sweepGranularity) }
    }

    private func sweep() {
        nextSweep = .max
        for slot in slots.indices {
            guard let connection = slots[slot] else { continue }
            if connection.deadline <= now { connection.deadlineExpired() }
            if connection.deadline != .max { noteDeadline(connection.deadline) }
        }
    }

    // MARK: Answers

    /// Lends the response that all connections of this loop render into.
    func withResponse<Result>(_ body: (inout Response) -> Result) -> Result {
        var lent = Response()
        swap(&lent, &response)
        lent.clear()
        defer { swap(&lent, &response) }
        return body(&lent)
    }

    /// Empties the output for the next connection.
    func releaseOutput() {
        output.removeAll(keepingCapacity: output.capacity <= Self.keptOutputCapacity)
    }

    private static let keptOutputCapacity = 1024 * 1024

    // MARK: Listening

    /// Accepts from `listeners` and deals connections out to all loops in turn.
    func listen(on listeners: [Listening]) {
        self.listeners = listeners
        resumeAccepting()
    }

    /// Accepts again after `pauseAccepting`.
    func resumeAccepting() {
        nextAccept = .max
        for (offset, listening) in listeners.enumerated() {
            let token = Self.listenerTokens + UInt64(offset)
            let result = clinux_epoll_add(
                epoll, listening.listener.descriptor, UInt32(CLINUX_READABLE), token)
            precondition(result == 0 || errno == EEXIST, "a listener can be registered")
        }
    }

    /// Pauses the listeners of `pool` for a while, or all listeners if it is nil.
    private func pauseAccepting(for pool: ConnectionPool? = nil) {
        for (listener, service) in listeners where pool == nil || service.pool === pool {
            clinux_epoll_remove(epoll, listener.descriptor)
        }
        nextAccept = min(nextAccept, now + Self.acceptPause)
    }

    private func accept(from listener: Listener, for service: Service) {
        let pool = service.pool
        for round in 0..<Self.acceptsPerWake {
            guard pool.reserve() else {
                // Only in the first round is a client known to be waiting; epoll reports later ones
                // again.
                guard round == 0 else { return }
                switch server.makeRoom(in: pool, for: self) {
                case .made: continue
                case .underWay: return pauseAccepting(for: pool)
                case .none:
                    // Polling is simpler than having every closing connection, on whichever loop,
                    // wake this one.
                    counters.heldBackByConnections.add(1)
                    return pauseAccepting(for: pool)
                }
            }
            switch listener.accept() {
            case .connection(let descriptor):
                counters.accepted.add(1)
                server.deal(descriptor, to: service, by: self)
            case .none:
                return pool.release()
            case .exhausted:
                pool.release()
                // No matter which pool this is: the whole process is short of descriptors.
                if case .made = server.makeRoom(in: server.mainPool, for: self) { continue }
                counters.heldBackByDescriptors.add(1)
                return pauseAccepting()
            }
        }
    }

    // MARK: Ending

    func stopListening() {
        for (listener, _) in listeners {
            clinux_epoll_remove(epoll, listener.descriptor)
            listener.close()
        }
        listeners = []
        nextAccept = .max
    }

    /// Closes idle connections and lets the others finish; the loop ends with the last one.
    func drain() {
        isDraining = true
        drainBegan = now
        nextStallCheck = now + Self.stallCheckPause
        for case let connection? in slots { connection.closeIfIdle() }
        stopIfDrained()
    }

    private func endStalled() {
        nextStallCheck = now + Self.stallCheckPause
        for case let connection? in slots { connection.endIfStalled() }
    }

    /// Closes every connection at once and ends the loop.
    func abort() {
        for case let connection? in slots { connection.close() }
        isStopped = true
    }

    private func stopIfDrained() {
        if isDraining, connectionCount == 0 { isStopped = true }
    }
}

/// An event loop's thread, for work that must run there.
public struct LoopThread: Sendable {
    let loop: EventLoop

    /// Queues `task` for the loop's next wake-up, which is immediate. It must not block. It is
    /// dropped if the loop has ended.
    public func run(_ task: @escaping @Sendable () -> Void) {
        loop.enqueue { _ in task() }
        loop.wake()
    }
}
