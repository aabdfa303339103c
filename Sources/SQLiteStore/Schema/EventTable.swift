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

    /// The numbers that a file may have when it is opened. Those given from then on, however long it
    /// is in use, stay below 2^53, up to which every reader of JSON is exact (RFC 8259, section 6).
    static let seqs: ClosedRange<Int64> = 1...(1 << 52)
    /// The numbers that an answer may have.
    private static let servedSeqs: ClosedRange<Int64> = 1...(1 << 53)

    /// What an event cannot be without.
    static let required: [EventField] = [.id, .eventType, .severity, .title, .createdAt]

    /// What an event may be without.
    static let nullable: [EventField] = [
        .description, .objectKind, .objectNamespace, .objectName, .metadata, .cluster, .reason,
        .foldKey,
    ]

    /// A view of the row that `statement`, which selected `columns`, is at, if it can be in an answer:
    /// whoever wrote the file may have put anything into any column. What every event has must be there,
    /// and a place in the order of pages: a `created_at` that the next page's query finds again, which
    /// may well be no time.
    static func servable(_ statement: Statement) -> EventView? {
        // To be asked before it is read as text.
        guard statement.storageClass(Int32(EventField.createdAt.rawValue)) == .text else {
            return nil
        }
        let view = view(statement)
        guard servedSeqs.contains(view.seq), required.allSatisfy({ view[$0] != nil }),
            let createdAt = view[.createdAt], createdAt.count <= EventQuery.Position.longestTime,
            createdAt.allSatisfy({ $0 < 0x80 })
                || String(validating: createdAt, as: UTF8.self) != nil
        else { return nil }
        return view
    }

    /// `number`, within those that an event can have; 0 for none.
    static func clampedSeq(_ number: Int64) -> Int64 {
        min(max(number, 0), servedSeqs.upperBound)
    }

    /// A view of the row that `statement`, which selected `columns`, is at, whatever that holds.
    static func view(_ statement: Statement) -> EventView {
        func number(_ field: EventField) -> Int64 { statement.integer(Int32(field.rawValue)) }
        var view = EventView(seq: number(.seq))
        view.occurrences = min(max(number(.occurrences), 0), Int64(Int32.max))
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
