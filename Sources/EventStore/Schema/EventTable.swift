import Events
import SQLite

/// The table's columns as statements name them: the fields of an event in their order.
enum EventTable {
    static let columns = names(EventField.allCases)
    /// Those of version 1.
    static let version1Fields = names(EventField.version1)

    private static func names(_ fields: [EventField]) -> String {
        fields.map { String(describing: $0.name) }.joined(separator: ", ")
    }

    /// A view of the row that `statement`, which selected `columns`, is at.
    static func view(_ statement: Statement) -> EventView {
        func number(_ field: EventField) -> Int64 { statement.integer(Int32(field.rawValue)) }
        var view = EventView(seq: number(.seq))
        view.occurrences = number(.occurrences)
        view.receivedAt = number(.receivedAt)
        let foldKey = Int32(EventField.foldKey.rawValue)
        view.foldKey = statement.isNull(foldKey) ? nil : statement.integer(foldKey)
        for field in EventField.texts { view[field] = statement.bytes(Int32(field.rawValue)) }
        return view
    }

    /// The lowest and the highest seq of the events of one time; NULLs when there is none.
    static let seqsOfMoment = """
        SELECT (SELECT seq FROM events INDEXED BY idx_events_created WHERE created_at = ?1 ORDER BY seq LIMIT 1),
          (SELECT seq FROM events INDEXED BY idx_events_created WHERE created_at = ?1 ORDER BY seq DESC LIMIT 1)
        """
}

extension EventField {
    /// The fields that version 1 has, which come first.
    static let version1 = allCases.filter { $0.rawValue <= createdAt.rawValue }
}
