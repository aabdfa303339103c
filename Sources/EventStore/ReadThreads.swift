import CLinux
import Dispatch
import Synchronization

/// Threads for reads that would hold up an event loop: a few queues, each with its own reader.
/// Reads run in the order of arrival, but no client gets all threads while others may come
/// (`FairShare`).
///
/// `@unchecked Sendable`: each reader is used only on its own serial queue.
package final class ReadThreads<Reader: EventReader & SendableMetatype>: @unchecked Sendable {
    package typealias Body = @Sendable (Result<any EventReader, StoreError>) -> Void

    private final class Lane {
        let queue: DispatchQueue
        var reader: Reader?

        init(_ index: Int) {
            // Lower priority than the event loops, which answer probes meanwhile.
            queue = DispatchQueue(label: "logbook.reads.\(index)", qos: .utility)
        }
    }

    private struct State {
        var waiting: [(request: ReadRequest, body: Body)] = []
        /// Idle lanes, by number.
        var free: [Int]
        var places = FairShare(total: 256)
        var threads: FairShare

        init(lanes: Int) {
            free = Array(0..<lanes)
            threads = FairShare(total: lanes)
        }
    }

    private let makeReader: () throws(StoreError) -> Reader
    private let serve: (Reader, ReadRequest, () -> Void) -> Void
    private let lanes: [Lane]
    private let state: Mutex<State>

    /// - Parameters:
    ///   - makeReader: makes the reader of a thread, at its first read.
    ///   - serve: runs its last argument with all reads of the reader belonging to the request.
    package init(
        lanes count: Int = 4, makeReader: @escaping () throws(StoreError) -> Reader,
        serve: @escaping (Reader, ReadRequest, () -> Void) -> Void
    ) {
        self.makeReader = makeReader
        self.serve = serve
        lanes = (0..<count).map(Lane.init)
        state = Mutex(State(lanes: count))
    }

    /// Runs `body` for `request` when a thread is free for its client; false if too many reads
    /// wait. A request that is canceled or out of time before that is told so.
    package func submit(_ request: ReadRequest, _ body: @escaping Body) -> Bool {
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
        case .success(let reader): serve(reader, request) { body(.success(reader)) }
        }
    }

    private func reader(of lane: Lane) -> Result<Reader, StoreError> {
        if let reader = lane.reader { return .success(reader) }
        return Result { () throws(StoreError) in
            let reader = try makeReader()
            lane.reader = reader
            return reader
        }
    }
}
