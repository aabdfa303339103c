import CLinux
import Dispatch
import Glibc
public import Logging
import Synchronization
public import System
import TLS

/// An HTTP/1.1 origin server: listeners and event loops that share nothing.
public final class Server: Sendable {
    let configuration: ServerConfiguration
    let router: Router
    private let logger: Logger
    let clientErrors: ThrottledLog
    let requestLog: RequestLog
    private let pools: [ConnectionPool]
    /// One for each endpoint of the configuration, in the same order.
    private let services: [Service]
    private let bufferedBytes = Atomic<Int>(0)
    private let dealt = Atomic<Int>(0)
    private let ended = DispatchGroup()
    private let state = Mutex(State())

    private struct State {
        var loops: [EventLoop] = []
        var addresses: [ListenAddress] = []
        var isStopping = false
    }

    /// Prepares a server. Nothing is opened before `start`.
    ///
    /// - Parameter logger: event loops write to it, so it must not block on its reader.
    public init(_ configuration: ServerConfiguration, router: Router, logger: Logger) {
        self.configuration = configuration
        self.router = router
        self.logger = logger
        let pools = [
            ConnectionPool(index: 0, limit: configuration.maxConnections),
            ConnectionPool(index: 1, limit: configuration.maxLimitedConnections),
        ]
        self.pools = pools
        services = configuration.endpoints.map { endpoint in
            Service(endpoint, configuration, router, pools[endpoint.paths == nil ? 0 : 1])
        }
        clientErrors = ThrottledLog(logger, level: .info)
        requestLog = RequestLog(logger, slow: configuration.slowRequest)
    }

    /// The addresses it listens on once started, with the ports that the system chose.
    public var addresses: [ListenAddress] { state.withLock { $0.addresses } }

    /// Connections open now, at all endpoints.
    public var connectionCount: Int { pools.reduce(0) { $0 + $1.count } }

    /// The counts since the server started. Loops keep counting meanwhile, so related figures may
    /// differ by the requests in progress.
    public var figures: ServerFigures {
        let counters = loops.map(\.counters)
        var figures = ServerFigures()
        for loop in counters { figures.add(loop) }
        for (number, path) in router.numberedPaths.enumerated() {
            figures.addRequests(to: path, number, counters)
        }
        figures.connections = mainPool.count
        figures.connectionLimit = configuration.maxConnections
        figures.bufferedBytes = bufferedBytes.load(ordering: .relaxed)
        figures.bufferLimit = configuration.limits.bufferedBytes
        let credentials = configuration.endpoints.lazy.compactMap(\.credentials).first
        figures.accessRefusals = configuration.access?.refusals ?? [:]
        figures.certificateEnd = credentials?.current.notAfter
        return figures
    }

    private var loops: [EventLoop] { state.withLock { $0.loops } }

    /// Opens the listeners and starts the event loops.
    ///
    /// - Throws: when an address cannot be listened on.
    public func start() throws(SystemError) {
        // OpenSSL writes with write(2), which raises it when the peer has gone.
        signal(SIGPIPE, SIG_IGN)
        var listeners: [Listener] = []
        var loops: [EventLoop] = []
        do throws(SystemError) {
            for endpoint in configuration.endpoints { listeners.append(try Listener(endpoint)) }
            for index in 0..<configuration.loops {
                loops.append(try EventLoop(index: index, server: self))
            }
        } catch {
            for listener in listeners { listener.close() }
            throw error
        }
        state.withLock { state in
            state.loops = loops
            state.addresses = listeners.map(\.address)
        }
        do throws(SystemError) {
            for loop in loops { try startThread(loop) }
        } catch {
            // Running loops end. A loop that has not started never sees its task.
            everyLoop(of: loops[...]) { $0.abort() }
            ended.wait()
            for listener in listeners { listener.close() }
            state.withLock { $0 = State() }
            throw error
        }
        let opened = zip(listeners, services).map { (listener: $0, service: $1) }
        loops[0].enqueue { $0.listen(on: opened) }
        loops[0].wake()
        for listener in listeners {
            let scheme = listener.endpoint.credentials == nil ? "http" : "https"
            switch listener.address {
            case .tcp: logger.info("Listening on \(scheme)://\(listener.address)")
            case .unix: logger.info("Listening on \(listener.address)")
            }
        }
    }

    private func startThread(_ loop: EventLoop) throws(SystemError) {
        let context = Unmanaged.passRetained(ThreadContext(loop: loop, ended: ended))
        ended.enter()
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                let context = Unmanaged<ThreadContext>.fromOpaque(context!).takeRetainedValue()
                clinux_name_thread("loop-\(context.loop.index)")
                context.loop.run()
                context.ended.leave()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            ended.leave()
            context.release()
            throw SystemError("start a thread", code: result)
        }
        pthread_detach(thread)
    }

    private final class ThreadContext {
        let loop: EventLoop
        let ended: DispatchGroup

        init(loop: EventLoop, ended: DispatchGroup) {
            self.loop = loop
            self.ended = ended
        }
    }

    /// Wakes the loops that `PendingResponse.enqueue` has given answers to.
    public func wake() {
        for loop in loops { loop.wake() }
    }

    /// Stops listening, lets requests in progress finish, and returns when all connections are
    /// closed. After `timeout`, closes those that are left.
    ///
    /// - Returns: true if all connections ended by themselves.
    @discardableResult
    public func stop(timeout: Duration) -> Bool {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        if isFirst { drain() }
        let inTime = ended.wait(timeout: .now() + timeout.inSeconds) == .success
        if !inTime {
            everyLoop(of: loops[...]) { $0.abort() }
            ended.wait()
        }
        return inTime
    }

    private func drain() {
        // The acceptor first: once it has stopped, no loop is dealt a connection after its end.
        let hasStopped = DispatchSemaphore(value: 0)
        loops[0].enqueue { acceptor in
            acceptor.stopListening()
            hasStopped.signal()
            acceptor.drain()
        }
        loops[0].wake()
        hasStopped.wait()
        everyLoop(of: loops.dropFirst()) { $0.drain() }
    }

    private func everyLoop(of loops: ArraySlice<EventLoop>, _ task: @escaping EventLoop.Task) {
        for loop in loops {
            loop.enqueue(task)
            loop.wake()
        }
    }

    // MARK: For the loops

    /// The number of connection pools.
    static let poolCount = 2

    /// The pool of the endpoints that serve the whole router.
    var mainPool: ConnectionPool { pools[0] }

    /// The outcome of making room for another connection.
    enum Room {
        case made
        /// Another loop closes a connection and then tells the acceptor to continue.
        case underWay
        /// Every connection is busy.
        case none
    }

    /// Closes the connection in `pool` that has waited longest for a request. If none waits, ends
    /// the body that has paused longest. Call it on the loop that accepts.
    func makeRoom(in pool: ConnectionPool, for acceptor: EventLoop) -> Room {
        if pool.isMakingRoom.load(ordering: .acquiring) { return .underWay }
        guard let loop = loopOfFirst({ $0.rests[pool.index] }) else { return endPause(in: pool) }
        if loop === acceptor { return loop.closeLongestResting(of: pool) ? .made : .none }
        pool.isMakingRoom.store(true, ordering: .releasing)
        loop.enqueue { loop in
            _ = loop.closeLongestResting(of: pool)
            pool.isMakingRoom.store(false, ordering: .releasing)
            loop.server.resumeAccepting()
        }
        loop.wake()
        return .underWay
    }

    private func endPause(in pool: ConnectionPool) -> Room {
        if pool.isEndingPause.load(ordering: .acquiring) { return .underWay }
        guard let loop = loopOfFirst({ $0.pauses[pool.index] }) else { return .none }
        pool.isEndingPause.store(true, ordering: .releasing)
        loop.enqueue { loop in
            if !loop.endLongestPause(of: pool) { loop.server.noteEndOfPause(in: pool) }
        }
        loop.wake()
        return .underWay
    }

    /// Notes that the connection whose paused body was ended is now closed.
    func noteEndOfPause(in pool: ConnectionPool) {
        pool.isEndingPause.store(false, ordering: .releasing)
        resumeAccepting()
    }

    /// The loop whose `order` has the longest wait of all loops; nil if all are empty.
    private func loopOfFirst(_ order: (EventLoop) -> RestOrder) -> EventLoop? {
        let firsts = loops.map { (loop: $0, since: order($0).longestSince) }
        return firsts.filter { $0.since != .max }.min { $0.since < $1.since }?.loop
    }

    private func resumeAccepting() {
        guard let acceptor = loops.first else { return }
        acceptor.enqueue { $0.resumeAccepting() }
        acceptor.wake()
    }

    /// Adds `change` to the bytes that all connections hold, and returns the total.
    func addBufferedBytes(_ change: Int) -> Int {
        bufferedBytes.wrappingAdd(change, ordering: .relaxed).newValue
    }

    /// Deals accepted sockets out in turn, so that even a few connections spread evenly over the
    /// loops.
    func deal(_ descriptor: Int32, to service: Service, by acceptor: EventLoop) {
        let turn = dealt.wrappingAdd(1, ordering: .relaxed).oldValue
        let loops = loops
        let loop = loops[turn % loops.count]
        if loop === acceptor {
            loop.adopt(descriptor, for: service)
        } else {
            loop.enqueue { $0.adopt(descriptor, for: service) }
            loop.wake()
        }
    }
}
