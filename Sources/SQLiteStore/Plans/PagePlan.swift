import Events
import SQLite

/// The statements that read a page, one after another. Each walks along one index.
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
        let leading = Self.leading(conditions)
        let rows = RowConditions(conditions, leading: leading, withTimes: false)
        let isDescending = query.order == .descending
        func part(_ range: [(condition: String, value: BoundValue)]) -> Part {
            let all = rows.conditions + range.map(\.condition)
            let direction = isDescending ? "DESC" : "ASC"
            // The object's index has the events of each fold key side by side. Their numbers are
            // sorted before any event is read.
            guard leading.count < 2 else {
                return Part(
                    sql: """
                        SELECT \(EventTable.columns) FROM (SELECT seq AS place FROM events INDEXED BY idx_events_object \
                        WHERE \(all.joined(separator: " AND ")) \
                        ORDER BY created_at \(direction), seq \(direction) LIMIT -1) CROSS JOIN events ON seq = place
                        """,
                    values: rows.values + range.map(\.value))
            }
            // The reader ends it, because a row that is not an event does not count. A limit tells
            // SQLite that few rows are wanted.
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
        // After a cursor: first the rest of its moment, then everything beyond. As one condition,
        // (created_at, seq) < (?, ?), SQLite would search by created_at alone, because seq is the
        // rowid, and step over the whole moment on every page. The cursor lies within its query's
        // bounds and is the tighter one on its side.
        let beyond = isDescending ? "<" : ">"
        let moment = BoundValue.text(after.createdAt)
        parts = [
            part([("created_at = ?", moment), ("seq \(beyond) ?", .integer(after.seq))]),
            part(
                [("created_at \(beyond) ?", moment), isDescending ? since : until].compactMap(
                    \.self)),
        ]
    }

    /// Reads `columns` of all matches of `query`, in no order; nil if the search index is faster, or
    /// SQL cannot express all conditions.
    static func rows(_ query: EventQuery, _ columns: String) -> Part? {
        let conditions = query.conditions
        let narrowing = conditions.fields.filter { $0.included != nil }
        // Without an order, one index serves any set of values of its field.
        let isList =
            narrowing.count == 1 && isIndexed(narrowing[0].field)
            && !(narrowing[0].included?.contains(where: \.isPrefix) ?? false)
        guard !conditions.askMore,
            isList || conditions.askForObject || SearchPlan(query) == nil
        else {
            return nil
        }
        let leading = isList ? narrowing.map(\.field) : leading(conditions)
        var rows = RowConditions(conditions, leading: leading, withTimes: false)
        if let since = conditions.since { rows.add("created_at >= ?", .text(since)) }
        if let until = conditions.until { rows.add("created_at < ?", .text(until)) }
        return Part(sql: "SELECT \(columns) FROM events WHERE \(rows.sql)", values: rows.values)
    }

    /// True if an index begins with the field.
    private static func isIndexed(_ field: EventField) -> Bool {
        field == .objectKind || ordered.contains(field)
    }

    /// The filtered fields whose index is walked: the most selective ones.
    static func leading(_ conditions: EventConditions) -> [EventField] {
        let fields = conditions.fields.filter { $0.onlyValue != nil }.map(\.field)
        let object: [EventField] = [.objectKind, .objectNamespace, .objectName]
        if object.allSatisfy(fields.contains) { return object }
        return ordered.first(where: fields.contains).map { [$0] } ?? []
    }

    /// The fields with an index in page order, the most selective first. The search index serves
    /// all others.
    static let ordered: [EventField] = [.severity, .eventType]
}
