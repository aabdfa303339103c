import Events
import SQLite

/// The statements that read a page, one behind the other: each is a walk along one index.
struct PagePlan {
    /// A statement and its parameters.
    struct Part: Equatable {
        let sql: String
        let values: [BoundValue]
    }

    let parts: [Part]

    /// Plans the page of `query`.
    init(_ query: EventQuery) {
        let conditions = query.conditions
        let rows = RowConditions(
            conditions, leading: Self.leading(conditions), withTimes: false)
        let isDescending = query.order == .descending
        func part(_ range: [(condition: String, value: BoundValue)]) -> Part {
            let all = rows.conditions + range.map(\.condition)
            let direction = isDescending ? "DESC" : "ASC"
            // Whoever reads ends it: a row that is no event does not count. With a limit SQLite knows that
            // few are wanted.
            return Part(
                sql: """
                    SELECT \(EventTable.columns) FROM events\(all.isEmpty ? "" : " WHERE ")\
                    \(all.joined(separator: " AND ")) ORDER BY created_at \(direction), seq \(direction) LIMIT -1
                    """,
                values: rows.values + range.map(\.value))
        }
        let since = conditions.since.map {
            (condition: "created_at >= ?", value: BoundValue.text($0))
        }
        let until = conditions.until.map {
            (condition: "created_at < ?", value: BoundValue.text($0))
        }
        guard let after = query.after else {
            parts = [part([since, until].compactMap(\.self))]
            return
        }
        // Behind a cursor: first what is left of its moment, then what lies beyond. As one
        // condition, (created_at, seq) < (?, ?), SQLite would search by created_at alone, for seq
        // is the rowid, and step over all of the moment on every page. The cursor lies within its
        // query's bounds, and is the tighter one on its side.
        let beyond = isDescending ? "<" : ">"
        let moment = BoundValue.text(after.createdAt)
        parts = [
            part([("created_at = ?", moment), ("seq \(beyond) ?", .integer(after.seq))]),
            part(
                [("created_at \(beyond) ?", moment), isDescending ? since : until].compactMap(
                    \.self)),
        ]
    }

    /// Counts what `query` asks for, in SQL alone; nil when the search index leads to less, or SQL
    /// does not say all of it.
    static func count(_ query: EventQuery) -> Part? {
        let conditions = query.conditions
        let narrowing = conditions.fields.filter { $0.included != nil }
        // In no particular order one index serves any values of its field.
        let isList =
            narrowing.count == 1 && isIndexed(narrowing[0].field)
            && !(narrowing[0].included?.contains(where: \.isPrefix) ?? false)
        guard !conditions.askMore, isList || SearchPlan(query) == nil else {
            return nil
        }
        let leading = isList ? narrowing.map(\.field) : leading(conditions)
        var rows = RowConditions(conditions, leading: leading, withTimes: false)
        if let since = conditions.since { rows.add("created_at >= ?", .text(since)) }
        if let until = conditions.until { rows.add("created_at < ?", .text(until)) }
        return Part(sql: "SELECT count(*) FROM events WHERE \(rows.sql)", values: rows.values)
    }

    /// Whether an index begins with the field.
    private static func isIndexed(_ field: EventField) -> Bool {
        field == .objectKind || ordered.contains(field)
    }

    /// The filtered fields whose index is walked: the ones that usually leave fewest events.
    static func leading(_ conditions: EventConditions) -> [EventField] {
        let fields = conditions.fields.filter { $0.onlyValue != nil }.map(\.field)
        let object: [EventField] = [.objectKind, .objectNamespace, .objectName]
        if object.allSatisfy(fields.contains) { return object }
        return ordered.first(where: fields.contains).map { [$0] } ?? []
    }

    /// The fields with an index in the order of pages, the one that usually leaves fewest events first. All
    /// others are served by the search index.
    static let ordered: [EventField] = [.severity, .eventType]
}
