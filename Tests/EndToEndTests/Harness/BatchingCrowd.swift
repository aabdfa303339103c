import Foundation
import TestSupport

/// Threads that post single events and arrays and delete some again, each on its own connection,
/// until it ends.
final class BatchingCrowd: Sendable {
    private struct Record: Sendable {
        var acknowledgements = Acknowledgements()
        var running = 0
    }

    private let record: Guarded<Record>

    /// Starts `size` threads, whose events have ids that begin with `prefix`.
    init(of size: Int, prefix: String, seed: UInt64, to server: LogbookProcess) throws {
        record = Guarded(Record(running: size))
        for member in 0..<size {
            let client = try server.connect()
            // A client belongs to one thread, and only that thread uses it from here on.
            nonisolated(unsafe) let own = client
            Thread.detachNewThread { [record] in
                var generator = SeededGenerator(seed: seed << 8 | UInt64(member))
                // Every one of them ends when its connection does.
                try? Self.post(own, "\(prefix)-\(member)", &generator, record)
                record.with { $0.running -= 1 }
            }
        }
    }

    /// An event that is the same each time it is sent.
    static func event(_ id: String) -> NewEvent {
        NewEvent(id: id, objectName: "crash", createdAt: "2026-01-01T00:00:00Z")
    }

    private static func post(
        _ client: RawClient, _ name: String, _ generator: inout SeededGenerator,
        _ record: Guarded<Record>
    ) throws {
        for number in 0... {
            let size =
                Bool.random(using: &generator) ? 1 : Int.random(in: 2...40, using: &generator)
            let ids = (0..<size).map { "\(name)-\(number)-\($0)" }
            let events = ids.map { event($0).json }
            let body = size == 1 ? events[0] : "[\(events.joined(separator: ","))]"
            let response = try client.exchange("POST", "/events", body)
            record.with { $0.acknowledgements.note(ids, response) }
            guard Int.random(in: 0..<8, using: &generator) == 0 else { continue }
            // Once sent, it may be done, whatever the answer.
            record.with { $0.acknowledgements.note(deletionSentOf: ids[0]) }
            let deletion = try client.exchange("DELETE", "/events/\(ids[0])")
            record.with { $0.acknowledgements.note(deletionOf: ids[0], deletion) }
        }
    }

    /// Waits until `count` events have been acknowledged.
    func awaitAcknowledged(_ count: Int) throws {
        let reached = record.wait { $0.acknowledgements.stored.count >= count ? true : nil }
        guard reached == true else {
            throw HarnessError(
                "only \(record.with { $0.acknowledgements.stored.count }) were acknowledged")
        }
    }

    /// Waits until all connections have ended, and returns the outcomes.
    func awaitEnd() throws -> Acknowledgements {
        guard let result = record.wait(for: { $0.running == 0 ? $0 : nil }) else {
            throw HarnessError("connections are still open")
        }
        return result.acknowledgements
    }
}
