import Events
import SQLite

/// The statements that read a page, one behind the other: each is a walk along one index.
struct PagePlan {
    enum Value: Hashable {
        case text(String)
        case integer(Int64)
    }

    /// A statement without its limit, which is the last parameter.
    struct Part: Equatable {
        let sql: String
        let values: [Value]
    }

    let parts: [Part]

    /// Plans the page of `query`.
    init(_ query: EventQuery) {
        let leading = Self.leading(query.filters.map(\.field))
        let (conditions, values) = Self.conditions(query, leading: leading)
        let isDescending = query.order == .descending
        func part(_ range: [(condition: String, value: Value)]) -> Part {
            let all = conditions + range.map(\.condition)
            let direction = isDescending ? "DESC" : "ASC"
            return Part(
                sql: """
                    SELECT \(EventTable.columns) FROM events\(all.isEmpty ? "" : " WHERE ")\
                    \(all.joined(separator: " AND ")) ORDER BY created_at \(direction), seq \(direction) LIMIT ?
                    """,
                values: values + range.map(\.value))
        }
        let since = query.since.map { (condition: "created_at >= ?", value: Value.text($0)) }
        let until = query.until.map { (condition: "created_at < ?", value: Value.text($0)) }
        guard let after = query.after else {
            parts = [part([since, until].compactMap(\.self))]
            return
        }
        // Behind a cursor: first what is left of its moment, then what lies beyond. As one
        // condition, (created_at, seq) < (?, ?), SQLite would search by created_at alone, for seq
        // is the rowid, and step over all of the moment on every page. The cursor lies within its
        // query's bounds, and is the tighter one on its side.
        let beyond = isDescending ? "<" : ">"
        let moment = Value.text(after.createdAt)
        parts = [
            part([("created_at = ?", moment), ("seq \(beyond) ?", .integer(after.seq))]),
            part(
                [("created_at \(beyond) ?", moment), isDescending ? since : until].compactMap(
                    \.self)),
        ]
    }

    /// What the filters ask of a row, times apart, and which of it may choose the index.
    static func conditions(
        _ query: EventQuery, leading: [EventField]
    ) -> (conditions: [String], values: [Value]) {
        var conditions: [String] = []
        var values: [Value] = []
        for filter in query.filters {
            // A unary + keeps a column from choosing the index:
            // https://sqlite.org/optoverview.html#uplus
            conditions.append(
                "\(leading.contains(filter.field) ? "" : "+")\(filter.field.name) = ?")
            values.append(.text(filter.value))
        }
        return (conditions, values)
    }

    /// The filtered fields whose index is walked: the ones that usually leave fewest events.
    private static func leading(_ fields: [EventField]) -> [EventField] {
        let object: [EventField] = [.objectKind, .objectNamespace, .objectName]
        if object.allSatisfy(fields.contains) { return object }
        let bySelectivity: [EventField] = [
            .objectNamespace, .severity, .eventType, .objectKind,
        ]
        return bySelectivity.first(where: fields.contains).map { [$0] } ?? []
    }
}

extension Statement {
    /// Binds `values` to the first parameters, in order.
    func bind(_ values: [PagePlan.Value]) throws(SQLiteError) {
        var index: Int32 = 1
        for value in values {
            switch value {
            case .text(let text): try bind(index, text)
            case .integer(let integer): try bind(index, integer)
            }
            index += 1
        }
    }
}
