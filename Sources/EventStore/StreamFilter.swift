import Events

/// What a query asks of each event, ready to be asked again and again: two that ask the same are
/// equal.
public struct StreamFilter: Hashable, Sendable {
    /// Rows by seq: no index may be walked instead, or finding nothing would not be bounded.
    let sql: String
    let values: [PagePlan.Value]
    /// What the texts of a row must say, too.
    let text: TextQuery?

    /// Takes over the filters of `query`; its order, limit and cursor mean nothing here.
    public init(_ query: EventQuery) {
        var (conditions, values) = PagePlan.conditions(query, leading: [])
        if let since = query.since {
            conditions.append("+created_at >= ?")
            values.append(.text(since))
        }
        if let until = query.until {
            conditions.append("+created_at < ?")
            values.append(.text(until))
        }
        conditions.append("seq BETWEEN ? AND ?")
        sql = """
            SELECT \(EventTable.columns) FROM events WHERE \(conditions.joined(separator: " AND ")) \
            ORDER BY seq
            """
        self.values = values
        text = query.text
    }
}
