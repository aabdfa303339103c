import EventStore
import Events

/// The SQL of a `StreamFilter`.
struct StreamStatement {
    /// Selects rows by seq. No index may be used instead, or finding nothing would be unbounded.
    let sql: String
    let values: [BoundValue]
    /// Selects the `StreamRange` after the bound seq.
    let rangeSQL: String
    /// The conditions that SQL cannot express; nil if there are none.
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
