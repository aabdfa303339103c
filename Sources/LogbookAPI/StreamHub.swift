import CLinux
import EventStore
import HTTPServer
import Synchronization

/// The streams of one event loop. It reads for them, each in its turn, and keeps those that have had
/// everything until a commit.
final class StreamHub: Sendable {
    private struct Waiter {
        /// A stream ends with its client, also while it waits here.
        weak var stream: EventStream?
        let demand: BodyDemand
    }

    private struct State {
        /// Have had everything, as of the commit with the number that they came with.
        var idle: [ObjectIdentifier: Waiter] = [:]
        /// Want to be read for, in this round and in the next.
        var round: [Waiter] = []
        var next: [Waiter] = []
        var commits: UInt64 = 0
        var heartbeats: UInt64 = 0
        var isWoken = false
        var isEnding = false
        var isScheduled = false
        /// Known from the first stream on.
        var thread: LoopThread?
    }

    private let places: StreamPlaces
    private let state = Mutex(State())
    private let readers: LoopReaders
    private let loopIndex: Int

    /// How long it may keep the event loop at a time, and how long a single read may.
    private static let slice: UInt64 = 1_000_000
    private static let readBudget: Duration = .milliseconds(1)

    init(_ places: StreamPlaces, _ readers: LoopReaders, loopIndex: Int) {
        self.places = places
        self.readers = readers
        self.loopIndex = loopIndex
    }

    /// Begins a stream behind `position`, or where the store is now.
    func open(
        _ filter: StreamFilter, _ format: StreamFormat, after position: Int64?,
        for client: UInt64, on thread: LoopThread
    ) throws(Problem) -> EventStream {
        let place = position ?? readers.repository.commits.lastSeq
        do {
            // What cannot be read is told before the answer begins, where that can be told at once.
            _ = try readers.reader(on: loopIndex)?.streamRange(after: place, for: filter)
        } catch {
            throw Problem(error)
        }
        guard let taken = places.take(at: place, for: client) else {
            throw Problem(
                .serviceUnavailable,
                "Not now: of \(places.count) streams none is left, or only those kept for others.")
        }
        let wish = EventStream.Wish(filter: filter, format: format, position: place)
        let heartbeats = state.withLock { state in
            state.thread = thread
            return state.heartbeats
        }
        return EventStream(wish, self, place: taken, client: client, heartbeats: heartbeats)
    }

    /// Called when a stream has got to `position`.
    func note(_ place: Int, at position: Int64) { places.move(place, to: position) }

    /// Called when a stream has ended.
    func forget(_ stream: ObjectIdentifier, at place: Int, of client: UInt64) {
        places.giveBack(place, from: client)
        state.withLock { _ = $0.idle.removeValue(forKey: stream) }
    }

    // MARK: From any thread

    /// Wakes the streams that wait for a commit.
    func noteCommit() { wake { $0.commits += 1 } }

    /// Has each stream send a sign of life.
    func beat() { wake { $0.heartbeats += 1 } }

    /// Ends all streams, those to come included.
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

    /// Where to have `run` called; nil when it will be anyway.
    private static func schedule(_ state: inout State) -> LoopThread? {
        defer { state.isScheduled = true }
        return state.isScheduled ? nil : state.thread
    }

    // MARK: On the loop's thread

    /// Takes the wish of `stream` for its next piece.
    func add(_ stream: EventStream, _ demand: BodyDemand) {
        let thread = state.withLock { state in
            state.next.append(Waiter(stream: stream, demand: demand))
            return Self.schedule(&state)
        }
        thread?.run(run)
    }

    private func run() {
        let end = clinux_monotonic_nanoseconds() + Self.slice
        var shared: [EventStream.Wish: (piece: EventStream.Piece, commits: UInt64)] = [:]
        repeat {
            guard let (waiter, moment) = takeNext() else { return }
            guard let stream = waiter.stream else { continue }
            let result = Result { () throws(StoreError) -> (EventStream.Piece, UInt64)? in
                if let read = shared[stream.wish] { return read }
                guard let reader = try readers.reader(on: loopIndex) else { return nil }
                let piece = try stream.read(reader, budget: Self.readBudget)
                shared[stream.wish] = (piece, moment.commits)
                return (piece, moment.commits)
            }
            switch result {
            case .success(nil): readElsewhere(waiter, stream, moment)
            case .success((let piece, let commits)?):
                deliver(.success(piece), to: waiter, stream, moment, asOf: commits)
            case .failure(let error):
                deliver(.failure(error), to: waiter, stream, moment, asOf: moment.commits)
            }
        } while clinux_monotonic_nanoseconds() < end
        state.withLock { $0.thread }?.run(run)
    }

    /// Reads for a stream where the store cannot answer at once.
    private func readElsewhere(_ waiter: Waiter, _ stream: EventStream, _ moment: Moment) {
        let budget = readers.repository.readBudgets.elsewhere
        let request = ReadRequest(client: stream.client, limit: budget)
        let thread = state.withLock { $0.thread }
        let isTaken = readers.repository.readElsewhere(for: request) { [self] result in
            let piece = Result { () throws(StoreError) in
                try stream.read(try result.get(), budget: budget)
            }
            thread?.run { [self] in
                deliver(piece, to: waiter, stream, moment, asOf: moment.commits)
            }
        }
        // The next commit or sign of life has it try again.
        if !isTaken { state.withLock { $0.idle[ObjectIdentifier(stream)] = waiter } }
    }

    /// Gives a stream what was read for it, as of the commit with the number `commits`.
    private func deliver(
        _ result: Result<EventStream.Piece, StoreError>, to waiter: Waiter, _ stream: EventStream,
        _ moment: Moment, asOf commits: UInt64
    ) {
        switch result {
        case .success(let piece):
            let bytes = stream.advance(piece, heartbeats: moment.heartbeats)
            if moment.isEnding {
                // With what was stored last; who is further behind resumes.
                waiter.demand.finish(bytes + stream.format.farewell)
            } else if !bytes.isEmpty {
                waiter.demand.send(bytes)
            } else {
                keep(waiter, stream, isAtEnd: piece.isAtEnd, commits)
            }
        case .failure(.timeLimit):
            if moment.isEnding {
                waiter.demand.finish(stream.format.farewell)
            } else {
                keep(waiter, stream, isAtEnd: false, commits)
            }
        case .failure:
            // The client sees that it broke off, and resumes where it was.
            waiter.demand.fail()
        }
    }

    /// What a read is made for.
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

    /// Has `stream` wait: for a commit, unless there has been one since it was read for. What is read elsewhere is
    /// kept while no round goes on, so that one may have to be begun.
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
