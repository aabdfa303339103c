import EventStore
import Events

/// What a `StreamFilter` asks, in SQL.
struct StreamStatement {
    /// Rows by seq: no index may be walked instead, or finding nothing would not be bounded.
    let sql: String
    let values: [BoundValue]
    /// Gives the `StreamRange` behind the number that is bound.
    let rangeSQL: String
    /// What SQL has no words for; nil where there is nothing.
    let matcher: EventMatcher?

    init(_ filter: StreamFilter) {
        let rows = RowConditions(filter.conditions)
        values = rows.values
        matcher = EventMatcher(filter.conditions)
        sql = """
            SELECT \(EventTable.columns) FROM events WHERE \(rows.sql) AND seq BETWEEN ? AND ? \
            ORDER BY seq
            """
        let severities = Severity.allCases.filter { severity in
            filter.conditions[.severity]?.admits(severity.rawValue) ?? true
        }
        let quoted = severities.map { "'\($0)'" }.joined(separator: ", ")
        rangeSQL = """
            SELECT (SELECT max(floor_seq, coalesce((SELECT max(seq) FROM events), 0)) FROM store_state),
              (SELECT min(seq) FROM events), (SELECT min(seq) FROM events WHERE seq > ?),
              (SELECT max(removed_seq) FROM retention WHERE severity IN (\(quoted)))
            """
    }
}
