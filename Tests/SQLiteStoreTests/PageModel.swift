import Events
import SQLite
import TestSupport

@testable import EventStore
@testable import SQLiteStore

/// A row of the table in the model of pages.
struct PageRow: Equatable {
    let seq: Int64
    let createdAt: String
    /// The filterable fields.
    let fields: [EventField: String]
}

/// The expected pages, derived in Swift from rows that the table holds too.
struct PageModel {
    private(set) var rows: [PageRow] = []

    /// Fills the table at `path` with rows, many of which share a time, and deletes some.
    ///
    /// - Parameter indexed: the number of them in the search index, including deleted ones.
    init(filling path: String, count: Int, indexed: Int = 0, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let connection = try Connection(path, .readWrite)
        let names = EventField.filterable.map { String(describing: $0.name) }
        let insert = try connection.prepare(
            """
            INSERT INTO events (received_at, id, title, created_at, \(names.joined(separator: ", ")))
            VALUES (0, ?, 't', ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        var all: [PageRow] = []
        try connection.transaction { () throws(SQLiteError) in
            for index in 1...count {
                let row = PageRow(
                    seq: Int64(index),
                    createdAt: Self.time(Int.random(in: 0..<30, using: &generator)),
                    fields: Self.fields(&generator))
                all.append(row)
                try insert.bind(1, "id-\(index)")
                try insert.bind(2, row.createdAt)
                for (place, field) in EventField.filterable.enumerated() {
                    try insert.bind(Int32(place + 3), row.fields[field])
                }
                try insert.run()
            }
        }
        if indexed > 0 {
            try connection.transaction { () throws(SQLiteError) in
                try index(connection, first: indexed)
            }
        }
        try connection.execute("DELETE FROM events WHERE seq % 11 = 0")
        rows = all.filter { $0.seq % 11 != 0 }
    }

    /// The time of a row, one of 30; every second one is a millisecond after another.
    static func time(_ index: Int) -> String {
        let seconds = Int64(index / 2) * 60
        return Timestamp(milliseconds: (1_795_420_000 + seconds) * 1000 + Int64(index % 2))!.text
    }

    private static func fields(_ generator: inout SeededGenerator) -> [EventField: String] {
        let values: [(field: EventField, values: [String?])] = [
            (.eventType, ["cluster", "operator", "system"]),
            (.severity, ["info", "info", "info", "warning", "error", "critical"]),
            (.objectKind, ["Pod", "Pod", "Node", "node", nil]),
            (.objectNamespace, ["default", "kube-system", nil]),
            (.objectName, ["a", "b", "c", "é", nil]),
            (.cluster, ["eu-1", "eu-2", nil]),
            (.reason, ["BackOff", "Killing", nil]),
        ]
        var fields: [EventField: String] = [:]
        for entry in values {
            fields[entry.field] = entry.values.randomElement(using: &generator) ?? nil
        }
        return fields
    }

    /// The seqs that the query must return on all pages together, in its order.
    func seqs(
        _ filters: [EventField: String], since: String?, until: String?, ascending: Bool
    ) -> [Int64] {
        let matching = rows.filter { row in
            filters.allSatisfy { row.fields[$0.key] == $0.value }
                && since.map { row.createdAt >= $0 } ?? true
                && until.map { row.createdAt < $0 } ?? true
        }
        let sorted = matching.sorted { ($0.createdAt, $0.seq) < ($1.createdAt, $1.seq) }
        return (ascending ? sorted : sorted.reversed()).map(\.seq)
    }
}
