import Events

/// A page's SQL and the values for its parameters, in order.
struct PagePlan {
    enum Value: Equatable {
        case text(String)
        case integer(Int64)
    }

    private(set) var sql: String
    private(set) var values: [Value] = []

    init(_ query: EventQuery) {
        var conditions: [String] = []
        let leading = Self.leading(query.filters.map(\.field))
        for filter in query.filters {
            // A unary + keeps a column from choosing the index: https://sqlite.org/optoverview.html#uplus
            conditions.append("\(leading.contains(filter.field) ? "" : "+")\(filter.field.name) = ?")
            values.append(.text(filter.value))
        }
        let isDescending = query.order == .descending
        // A cursor lies within the bounds of its own query, and is the tighter one on its side.
        if let since = query.since, isDescending || query.after == nil {
            conditions.append("created_at >= ?")
            values.append(.text(since))
        }
        if let until = query.until, !isDescending || query.after == nil {
            conditions.append("created_at < ?")
            values.append(.text(until))
        }
        if let after = query.after {
            conditions.append("(created_at, seq) \(isDescending ? "<" : ">") (?, ?)")
            values.append(.text(after.createdAt))
            values.append(.integer(after.seq))
        }
        let direction = isDescending ? "DESC" : "ASC"
        sql = """
            SELECT \(EventTable.columns) FROM events\(conditions.isEmpty ? "" : " WHERE ")\
            \(conditions.joined(separator: " AND ")) ORDER BY created_at \(direction), seq \(direction) LIMIT ?
            """
        values.append(.integer(Int64(query.limit + 1)))
    }

    /// The filtered fields whose index is walked: the ones that usually leave fewest events.
    private static func leading(_ fields: [EventField]) -> [EventField] {
        let object: [EventField] = [.objectKind, .objectNamespace, .objectName]
        if object.allSatisfy(fields.contains) { return object }
        let bySelectivity: [EventField] = [.objectName, .objectNamespace, .severity, .eventType, .objectKind]
        return bySelectivity.first(where: fields.contains).map { [$0] } ?? []
    }
}
