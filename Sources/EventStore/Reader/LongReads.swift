import Dispatch
import Logging
import SQLite
import Synchronization

/// Threads for reads that would hold up an event loop: a few queues, each with a reader of its own.
///
/// `@unchecked Sendable`: each reader is touched on its own serial queue alone.
final class LongReads: @unchecked Sendable {
    private final class Lane {
        let queue: DispatchQueue
        var reader: EventReader?

        init(_ index: Int) {
            // Below the event loops, which answer probes meanwhile.
            queue = DispatchQueue(label: "logbook.reads.\(index)", qos: .utility)
        }
    }

    private let path: String
    private let logger: Logger
    private let reads: OpenReads
    private let lanes: [Lane]
    /// How many reads wait or run in each lane.
    private let waiting: Mutex<[Int]>

    private static let laneCount = 4
    private static let waitingLimit = 256

    init(_ configuration: StoreConfiguration, logger: Logger, reads: OpenReads) {
        self.logger = logger
        self.reads = reads
        path = configuration.path
        lanes = (0..<Self.laneCount).map(Lane.init)
        waiting = Mutex(Array(repeating: 0, count: Self.laneCount))
    }

    /// Runs `body` in the emptiest lane; false when too many wait.
    func submit(_ body: @escaping @Sendable (Result<EventReader, StoreError>) -> Void) -> Bool {
        let index = waiting.withLock { waiting -> Int? in
            guard waiting.reduce(0, +) < Self.waitingLimit else { return nil }
            let index = waiting.indices.min { waiting[$0] < waiting[$1] }!
            waiting[index] += 1
            return index
        }
        guard let index else { return false }
        lanes[index].queue.async { [self] in
            body(reader(of: lanes[index]))
            waiting.withLock { $0[index] -= 1 }
        }
        return true
    }

    private func reader(of lane: Lane) -> Result<EventReader, StoreError> {
        if let reader = lane.reader { return .success(reader) }
        return Result { () throws(StoreError) in
            let reader = try EventReader.open(path, logger: logger, reads: reads)
            lane.reader = reader
            return reader
        }
    }
}
