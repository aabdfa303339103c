import Events
import SQLite

/// The table's columns as statements name them: the fields of an event in order.
enum EventTable {
    static let columns = names(EventField.allCases)
    /// The columns of version 1.
    static let version1Fields = names(EventField.version1)

    private static func names(_ fields: [EventField]) -> String {
        fields.map { String(describing: $0.name) }.joined(separator: ", ")
    }

    /// The seqs that a file may have when it is opened. Later ones, however long it is in use, stay
    /// below 2^53, up to which every reader of JSON is exact (RFC 8259, section 6).
    static let seqs: ClosedRange<Int64> = 1...(1 << 52)
    /// The seqs that an answer may have.
    private static let servedSeqs: ClosedRange<Int64> = 1...(1 << 53)

    /// The fields that every event has.
    static let required: [EventField] = [.id, .eventType, .severity, .title, .createdAt]

    /// The fields that may be null.
    static let nullable: [EventField] = [
        .description, .objectKind, .objectNamespace, .objectName, .metadata, .cluster, .reason,
        .foldKey,
    ]

    /// A view of the current row of `statement`, which selected `columns`; nil if it cannot be in
    /// an answer, because whoever wrote the file may have put anything into any column. It needs
    /// the fields that every event has, and a place in the order of pages: a `created_at` that the
    /// next page's query finds again, even if it is not a time.
    static func servable(_ statement: Statement) -> EventView? {
        // Check this before reading it as text.
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

    /// `number` limited to the seqs that an event can have; 0 for none.
    static func clampedSeq(_ number: Int64) -> Int64 {
        min(max(number, 0), servedSeqs.upperBound)
    }

    /// A view of the current row of `statement`, which selected `columns`, whatever it holds.
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

    /// The lowest and the highest seq of the events at one time; NULLs if there are none.
    static let seqsOfMoment = """
        SELECT (SELECT seq FROM events INDEXED BY idx_events_created WHERE created_at = ?1 ORDER BY seq LIMIT 1),
          (SELECT seq FROM events INDEXED BY idx_events_created WHERE created_at = ?1 ORDER BY seq DESC LIMIT 1)
        """
}

extension EventField {
    /// The fields of version 1, which come first.
    static let version1 = allCases.filter { $0.rawValue <= createdAt.rawValue }
}
