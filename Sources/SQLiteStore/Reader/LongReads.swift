import CLinux
import Dispatch
import EventStore
import Logging
import SQLite
import Synchronization

/// Threads for reads that would hold up an event loop: a few queues, each with its own reader.
/// Reads run in the order of arrival, but no client gets all threads while others may come
/// (`FairShare`).
///
/// `@unchecked Sendable`: each reader is used only on its own serial queue.
final class LongReads: @unchecked Sendable {
    typealias Body = @Sendable (Result<SQLiteReader, StoreError>) -> Void

    private final class Lane {
        let queue: DispatchQueue
        var reader: SQLiteReader?

        init(_ index: Int) {
            // Lower priority than the event loops, which answer probes meanwhile.
            queue = DispatchQueue(label: "logbook.reads.\(index)", qos: .utility)
        }
    }

    private struct State {
        var waiting: [(request: ReadRequest, body: Body)] = []
        /// Idle lanes, by number.
        var free = Array(0..<LongReads.laneCount)
        var places = FairShare(total: LongReads.waitingLimit)
        var threads = FairShare(total: LongReads.laneCount)
    }

    private let path: String
    private let logger: Logger
    private let reads: OpenReads
    private let lanes: [Lane]
    private let state = Mutex(State())

    private static let laneCount = 4
    private static let waitingLimit = 256

    init(_ configuration: StoreConfiguration, logger: Logger, reads: OpenReads) {
        self.logger = logger
        self.reads = reads
        path = configuration.path
        lanes = (0..<Self.laneCount).map(Lane.init)
    }

    /// Runs `body` for `request` when a thread is free for its client; false if too many reads
    /// wait. A request that is canceled or out of time before that is told so.
    func submit(_ request: ReadRequest, _ body: @escaping Body) -> Bool {
        let isTaken = state.withLock { state in
            guard state.places.take(for: request.client) else { return false }
            state.waiting.append((request, body))
            return true
        }
        if isTaken { startNext() }
        return isTaken
    }

    private func startNext() {
        while let (lane, request, body) = state.withLock({ Self.next(&$0) }) {
            lanes[lane].queue.async { [self] in
                run(request, body, in: lanes[lane])
                state.withLock { state in
                    state.threads.giveBack(from: request.client)
                    state.free.append(lane)
                }
                startNext()
            }
        }
    }

    private static func next(_ state: inout State) -> (lane: Int, ReadRequest, Body)? {
        guard let lane = state.free.last,
            let index = state.waiting.firstIndex(where: { state.threads.admits($0.request.client) })
        else { return nil }
        state.free.removeLast()
        let (request, body) = state.waiting.remove(at: index)
        state.places.giveBack(from: request.client)
        _ = state.threads.take(for: request.client)
        return (lane, request, body)
    }

    private func run(_ request: ReadRequest, _ body: Body, in lane: Lane) {
        guard !request.isCancelled else { return body(.failure(.cancelled)) }
        guard clinux_monotonic_nanoseconds() < request.deadline else {
            return body(.failure(.timeLimit))
        }
        switch reader(of: lane) {
        case .failure(let error): body(.failure(error))
        case .success(let reader): reader.serve(request) { body(.success(reader)) }
        }
    }

    private func reader(of lane: Lane) -> Result<SQLiteReader, StoreError> {
        if let reader = lane.reader { return .success(reader) }
        return Result { () throws(StoreError) in
            let reader = try SQLiteReader.open(path, logger: logger, reads: reads)
            lane.reader = reader
            return reader
        }
    }
}
