import Events
import SQLite

/// The state that a store keeps in its file besides events. The file is untrusted, so each value is
/// checked before it is used.
enum StoredState {
    /// The values that no store has written, one line each; empty if there are none.
    static func findings(_ connection: Connection) throws(SQLiteError) -> [String] {
        var found: [String] = []
        for sql in queries {
            let rows = try connection.prepare(sql)
            while found.count < mostFindings, try rows.step() { found.append(rows.text(0) ?? "") }
        }
        return found
    }

    private static let mostFindings = 100
    private static let seqs = 0...EventTable.seqs.upperBound
    static let times =
        Timestamp.storable.lowerBound.milliseconds...Timestamp.storable.upperBound.milliseconds

    /// Each returns a row for each error, at the cost of a few pages.
    static let queries = [
        rowCount("store_state"), rowCount("search_state"),
        number("store_state", "clock", times), number("store_state", "floor_seq", seqs),
        number("retention", "passed_seq", seqs), number("retention", "removed_seq", seqs),
        number("search_state", "indexed_seq", seqs), number("sources", "observed_at", times),
        """
        SELECT 'retention has no row for ' || column1
        FROM (VALUES \(Severity.allCases.map { "('\($0.rawValue)')" }.joined(separator: ", ")))
        WHERE NOT EXISTS (SELECT 1 FROM retention WHERE severity = column1)
        """,
        // The first and the last; all others are between them. As values, because a condition on
        // min() makes SQLite read the whole table.
        number(
            "(SELECT column1 AS seq FROM (VALUES ((SELECT min(seq) FROM events)), ((SELECT max(seq) FROM events))))",
            "seq", EventTable.seqs, of: "events", orNull: true),
        number(
            "(SELECT received_at FROM events ORDER BY seq DESC LIMIT 1)", "received_at", times,
            of: "the newest event"),
        // Events from then on would never be found, or never removed.
        reach("search_state", "indexed_seq"), reach("retention", "passed_seq"),
        reach("retention", "removed_seq"),
    ]

    private static func rowCount(_ table: String) -> String {
        "SELECT '\(table) has ' || n || ' rows' FROM (SELECT count(*) AS n FROM \(table)) WHERE n <> 1"
    }

    private static func number(
        _ source: String, _ column: String, _ range: ClosedRange<Int64>, of owner: String? = nil,
        orNull: Bool = false
    ) -> String {
        """
        SELECT '\(owner ?? source).\(column) is ' || substr(quote(\(column)), 1, 40)
        FROM \(source) WHERE (typeof(\(column)) <> 'integer'
          OR \(column) NOT BETWEEN \(range.lowerBound) AND \(range.upperBound))
          \(orNull ? "AND \(column) IS NOT NULL" : "")
        """
    }

    private static func reach(_ table: String, _ column: String) -> String {
        """
        SELECT '\(table).\(column) is ' || \(column) || ', beyond the newest event'
        FROM \(table), store_state WHERE typeof(\(column)) = 'integer'
          AND \(column) > max(floor_seq, coalesce((SELECT max(seq) FROM events), 0))
        """
    }
}
