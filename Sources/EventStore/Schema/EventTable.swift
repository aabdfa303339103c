import Events
import SQLite

/// The table's columns as statements name them: the fields of an event in their order, then `seq`.
enum EventTable {
    static let columns = fields + ", seq"
    /// Without `seq`.
    static let fields = names(EventField.allCases)
    /// Those of version 1.
    static let version1Fields = names(EventField.version1)

    private static func names(_ fields: [EventField]) -> String {
        fields.map { String(describing: $0.name) }.joined(separator: ", ")
    }

    /// A view of the row that `statement`, which selected `columns`, is at.
    static func view(_ statement: Statement) -> EventView {
        var view = EventView(seq: statement.integer(Int32(EventField.allCases.count)))
        for field in EventField.allCases { view[field] = statement.bytes(Int32(field.rawValue)) }
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
