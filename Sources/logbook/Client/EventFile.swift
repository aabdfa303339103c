import EventStore
import Events
import LogbookAPI
import Logging
import SQLiteStore

/// A database file that answers the same queries as a server.
final class EventFile {
    /// The file, whose lock is held.
    private let file: DatabaseFile
    private let reader: SQLiteReader

    /// The time limit of a query on a file: only its user waits for it, and can interrupt it.
    private static let budget = Duration.seconds(24 * 3600)

    init(_ path: String) throws(SchemaError) {
        let logger = Logger.lines(level: .warning)
        file = try DatabaseFile(path, logger: logger)
        reader = try file.makeReader()
    }

    /// The number of events that match; nil if they cannot be counted.
    func count(_ parameters: EventSource.Parameters) -> Int? {
        do {
            return try reader.count(
                EventQuery(parameters, now: Timestamp.now()), budget: Self.budget)
        } catch {
            return nil
        }
    }

    func page(
        _ parameters: EventSource.Parameters, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String? {
        let query = try EventQuery(parameters, now: Timestamp.now())
        var count = 0
        var last: EventQuery.Position?
        var cursor: String?
        var failure: (any Error)?
        var json: [UInt8] = []
        try reader.page(query, budget: Self.budget) { event in
            guard count < query.limit else {
                cursor = last.map { query.cursor(after: $0) }
                return false
            }
            count += 1
            last = EventQuery.Position(event)
            json.removeAll(keepingCapacity: true)
            event.appendJSON(to: &json)
            do { try json.withUnsafeBytes(body) } catch { failure = error }
            return failure == nil
        }
        if let failure { throw failure }
        return cursor
    }

    func statistics(
        _ filters: EventSource.Parameters, _ own: EventSource.Parameters
    ) throws -> [UInt8] {
        func value(_ name: String) -> String? { own.first { $0.name == name }?.value }
        let now = Timestamp.now()
        let query = try StatisticsQuery(
            EventQuery(filters, now: now), interval: value("interval"), by: value("by"),
            occurrences: value("occurrences"), now: now)
        var json: [UInt8] = []
        try reader.statistics(query, budget: Self.budget).get().appendJSON(to: &json)
        return json
    }

    func event(_ id: String) throws(StoreError) -> [UInt8]? {
        try Array(id.utf8).span.withUnsafeBytes { bytes throws(StoreError) in
            try reader.get(id: bytes) { event in
                var json: [UInt8] = []
                event.appendJSON(to: &json)
                return json
            }
        }
    }
}
