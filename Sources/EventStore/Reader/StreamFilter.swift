import Events

/// What a query asks of each event, ready to be asked again and again: two that ask the same are
/// equal.
public struct StreamFilter: Hashable, Sendable {
    /// Rows by seq: no index may be walked instead, or finding nothing would not be bounded.
    let sql: String
    let values: [BoundValue]
    let conditions: EventConditions
    /// Gives the `StreamRange` behind the number that is bound.
    let rangeSQL: String

    /// Every event.
    public static let all = StreamFilter(EventConditions())

    /// Takes over what `query` asks of events; its order, limit and cursor mean nothing here.
    public init(_ query: EventQuery) { self.init(query.conditions) }

    private init(_ conditions: EventConditions) {
        self.conditions = conditions
        let rows = RowConditions(conditions)
        values = rows.values
        let severities = Severity.allCases.filter { severity in
            conditions[.severity]?.admits(severity.rawValue) ?? true
        }
        let quoted = severities.map { "'\($0)'" }.joined(separator: ", ")
        rangeSQL = """
            SELECT (SELECT max(floor_seq, coalesce((SELECT max(seq) FROM events), 0)) FROM store_state),
              (SELECT min(seq) FROM events), (SELECT min(seq) FROM events WHERE seq > ?),
              (SELECT max(removed_seq) FROM retention WHERE severity IN (\(quoted)))
            """
        sql = """
            SELECT \(EventTable.columns) FROM events WHERE \(rows.sql) AND seq BETWEEN ? AND ? \
            ORDER BY seq
            """
    }
}
