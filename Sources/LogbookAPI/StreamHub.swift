import CLinux
import EventStore
import HTTPServer
import Synchronization

/// The streams of one event loop. It reads for them in turn, and parks those that are up to date
/// until the next commit.
final class StreamHub: Sendable {
    private struct Waiter {
        /// Weak, because a stream ends with its client, even while it waits here.
        weak var stream: EventStream?
        let demand: BodyDemand
    }

    private struct State {
        /// Streams that are up to date as of the commit that they came with.
        var idle: [ObjectIdentifier: Waiter] = [:]
        /// Streams to read for in this round, and in the next one.
        var round: [Waiter] = []
        var next: [Waiter] = []
        var commits: UInt64 = 0
        var heartbeats: UInt64 = 0
        var isWoken = false
        var isEnding = false
        var isScheduled = false
        /// The loop's thread, known from the first stream on.
        var thread: LoopThread?
    }

    private let slots: StreamSlots
    private let state = Mutex(State())
    private let readers: LoopReaders
    private let loopIndex: Int

    /// The longest that it may hold the event loop at a time, and the longest of a single read.
    private static let slice: UInt64 = 1_000_000
    private static let readBudget: Duration = .milliseconds(1)

    init(_ slots: StreamSlots, _ readers: LoopReaders, loopIndex: Int) {
        self.slots = slots
        self.readers = readers
        self.loopIndex = loopIndex
    }

    /// Begins a stream after `position`, or at the store's current end.
    func open(
        _ filter: StreamFilter, _ format: StreamFormat, after position: StreamPosition?,
        for client: UInt64, on thread: LoopThread
    ) throws(Problem) -> EventStream {
        let start = position ?? StreamPosition(seq: readers.repository.commits.lastSeq)
        do {
            // If the read can be tried at once, a failure is reported before the answer begins.
            _ = try readers.reader(on: loopIndex)?.streamRange(after: start.seq, for: filter)
        } catch {
            throw Problem(error)
        }
        guard let taken = slots.take(at: start.seq, for: client) else {
            throw Problem(
                .serviceUnavailable,
                "Not now: all \(slots.count) streams are taken, or reserved for other clients.")
        }
        let readKey = EventStream.ReadKey(filter: filter, format: format, position: start)
        let heartbeats = state.withLock { state in
            state.thread = thread
            return state.heartbeats
        }
        return EventStream(readKey, self, slot: taken, client: client, heartbeats: heartbeats)
    }

    /// Notes that a stream has reached `position`.
    func note(_ slot: Int, at position: Int64) { slots.move(slot, to: position) }

    /// Notes that a stream has ended.
    func forget(_ stream: ObjectIdentifier, at slot: Int, of client: UInt64) {
        slots.giveBack(slot, from: client)
        state.withLock { _ = $0.idle.removeValue(forKey: stream) }
    }

    // MARK: From any thread

    /// Wakes the streams that wait for a commit.
    func noteCommit() { wake { $0.commits += 1 } }

    /// Makes each stream send a heartbeat.
    func beat() { wake { $0.heartbeats += 1 } }

    /// Ends all streams, including later ones.
    func end() { wake { $0.isEnding = true } }

    private func wake(_ change: (inout State) -> Void) {
        let thread = state.withLock { state -> LoopThread? in
            change(&state)
            guard !state.idle.isEmpty else { return nil }
            state.isWoken = true
            return Self.schedule(&state)
        }
        thread?.run(run)
    }

    /// The thread to call `run` on; nil if it will be called anyway.
    private static func schedule(_ state: inout State) -> LoopThread? {
        defer { state.isScheduled = true }
        return state.isScheduled ? nil : state.thread
    }

    // MARK: On the loop's thread

    /// Takes the request of `stream` for its next piece.
    func add(_ stream: EventStream, _ demand: BodyDemand) {
        let thread = state.withLock { state in
            state.next.append(Waiter(stream: stream, demand: demand))
            return Self.schedule(&state)
        }
        thread?.run(run)
    }

    private func run() {
        let end = clinux_monotonic_nanoseconds() + Self.slice
        var shared: [EventStream.ReadKey: (piece: EventStream.Piece, commits: UInt64)] = [:]
        // Streams to read for elsewhere, one read for all with the same key.
        var elsewhere: [EventStream.ReadKey: [Waiter]] = [:]
        var last: Moment?
        defer {
            if let last { for group in elsewhere.values { readElsewhere(group, last) } }
        }
        repeat {
            guard let (waiter, moment) = takeNext() else { return }
            last = moment
            guard let stream = waiter.stream else { continue }
            let result = Result { () throws(StoreError) -> (EventStream.Piece, UInt64)? in
                if let read = shared[stream.readKey] { return read }
                guard let reader = try readers.reader(on: loopIndex) else { return nil }
                let piece = try stream.read(reader, budget: Self.readBudget)
                shared[stream.readKey] = (piece, moment.commits)
                return (piece, moment.commits)
            }
            switch result {
            case .success(nil): elsewhere[stream.readKey, default: []].append(waiter)
            case .success((let piece, let commits)?):
                deliver(.success(piece), to: waiter, stream, moment, asOf: commits)
            case .failure(let error):
                deliver(.failure(error), to: waiter, stream, moment, asOf: moment.commits)
            }
        } while clinux_monotonic_nanoseconds() < end
        state.withLock { $0.thread }?.run(run)
    }

    /// Reads for streams with the same key if the store cannot answer at once.
    private func readElsewhere(_ group: [Waiter], _ moment: Moment) {
        let streams = group.compactMap { waiter in waiter.stream.map { (waiter, $0) } }
        guard let first = streams.first?.1 else { return }
        let budget = readers.repository.readBudgets.elsewhere
        let request = ReadRequest(client: first.client, limit: budget)
        let thread = state.withLock { $0.thread }
        let isTaken = readers.repository.readElsewhere(for: request) { [self] result in
            let piece = Result { () throws(StoreError) in
                try first.read(try result.get(), budget: budget)
            }
            thread?.run { [self] in
                for (waiter, stream) in streams {
                    deliver(piece, to: waiter, stream, moment, asOf: moment.commits)
                }
            }
        }
        guard !isTaken else { return }
        // The next commit or heartbeat makes them try again.
        state.withLock { state in
            for (waiter, stream) in streams { state.idle[ObjectIdentifier(stream)] = waiter }
        }
    }

    /// Gives a stream what was read for it as of commit number `commits`.
    private func deliver(
        _ result: Result<EventStream.Piece, StoreError>, to waiter: Waiter, _ stream: EventStream,
        _ moment: Moment, asOf commits: UInt64
    ) {
        switch result {
        case .success(let piece):
            let bytes = stream.advance(piece, heartbeats: moment.heartbeats)
            if piece.isLast {
                waiter.demand.finish(bytes)
            } else if moment.isEnding {
                // Includes the newest events. A stream that is further behind resumes.
                waiter.demand.finish(bytes + stream.format.farewell)
            } else if !bytes.isEmpty {
                waiter.demand.send(bytes)
            } else {
                keep(waiter, stream, isAtEnd: piece.isAtEnd, commits)
            }
        case .failure(.unavailable):
            // It stays, because another connection would find the store in the same state. The next
            // commit or heartbeat makes it try again.
            let piece = EventStream.Piece(
                position: stream.readKey.position, toldOf: stream.readKey.toldOf, isAtEnd: true)
            deliver(.success(piece), to: waiter, stream, moment, asOf: commits)
        case .failure(.timeLimit):
            if moment.isEnding {
                waiter.demand.finish(stream.format.farewell)
            } else {
                keep(waiter, stream, isAtEnd: false, commits)
            }
        case .failure:
            // The client sees the connection break and resumes at its position.
            waiter.demand.fail()
        }
    }

    /// The circumstances of a read.
    private struct Moment {
        let commits, heartbeats: UInt64
        let isEnding: Bool
    }

    private func takeNext() -> (Waiter, Moment)? {
        state.withLock { state in
            if state.isWoken {
                state.isWoken = false
                state.next += state.idle.values
                state.idle.removeAll(keepingCapacity: true)
            }
            if state.round.isEmpty { swap(&state.round, &state.next) }
            guard let waiter = state.round.popLast() else {
                state.isScheduled = false
                return nil
            }
            let moment = Moment(
                commits: state.commits, heartbeats: state.heartbeats, isEnding: state.isEnding)
            return (waiter, moment)
        }
    }

    /// Parks `stream` until a commit, unless there has been one since the read. Reads elsewhere
    /// finish while no round is running, so this may have to start one.
    private func keep(_ waiter: Waiter, _ stream: EventStream, isAtEnd: Bool, _ commits: UInt64) {
        let thread = state.withLock { state -> LoopThread? in
            guard !isAtEnd || commits != state.commits || state.isEnding else {
                state.idle[ObjectIdentifier(stream)] = waiter
                return nil
            }
            state.next.append(waiter)
            return Self.schedule(&state)
        }
        thread?.run(run)
    }
}
