import EventStore
import Events
import PostgreSQL

/// The columns of the table `events` as statements name them: the fields of an event in order.
enum EventRow {
    static let columns = EventField.allCases.map { String(describing: $0.name) }
        .joined(separator: ", ")
    /// The number of `columns`.
    static let count = EventField.allCases.count

    /// The fields that may hold any character.
    private static let free: [EventField] = [
        .title, .description, .objectKind, .objectNamespace, .objectName, .cluster, .reason,
    ]

    /// Lends the event in `row`, which selected `columns` first. The view is valid within `body`.
    static func withView<Result>(
        _ row: borrowing PostgreSQLRow, _ body: (EventView) -> Result
    ) -> Result {
        var view = EventView(seq: row.integer(EventField.seq.rawValue))
        view.occurrences = min(
            max(row.integer(EventField.occurrences.rawValue), 0), Int64(Int32.max))
        view.receivedAt = row.integer(EventField.receivedAt.rawValue)
        let foldKey = EventField.foldKey.rawValue
        view.foldKey = row.isNull(foldKey) ? nil : row.integer(foldKey)
        for field in EventField.texts { view[field] = row.bytes(field.rawValue) }
        return withTexts(of: view, from: 0, body)
    }

    /// Lends `view` with the texts of its fields from the `place`-th free one on.
    private static func withTexts<Result>(
        of view: EventView, from place: Int, _ body: (EventView) -> Result
    ) -> Result {
        let next = free[place...].first { view[$0].map(StoredText.isEscaped) ?? false }
        guard let field = next, let stored = view[field] else { return body(view) }
        return StoredText.text(stored).withUnsafeBytes { text in
            var view = view
            view[field] = text
            return withTexts(of: view, from: free.firstIndex(of: field)! + 1, body)
        }
    }
}
