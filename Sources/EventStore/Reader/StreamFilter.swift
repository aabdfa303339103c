import Events

/// What a query asks of each event, ready to be asked again and again: two that ask the same are
/// equal.
public struct StreamFilter: Hashable, Sendable {
    /// Rows by seq: no index may be walked instead, or finding nothing would not be bounded.
    let sql: String
    let values: [BoundValue]
    let conditions: EventConditions

    /// Takes over what `query` asks of events; its order, limit and cursor mean nothing here.
    public init(_ query: EventQuery) {
        conditions = query.conditions
        let rows = RowConditions(conditions)
        values = rows.values
        sql = """
            SELECT \(EventTable.columns) FROM events WHERE \(rows.sql) AND seq BETWEEN ? AND ? \
            ORDER BY seq
            """
    }
}
