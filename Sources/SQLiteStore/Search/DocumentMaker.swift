import Events
import SQLite

/// Makes the documents of events that are not in the search index yet, on its own thread and
/// connection, because it is half of the index's cost and needs no lock.
///
/// `@unchecked Sendable`: only one piece of work at a time uses the connection and its statement.
final class DocumentMaker: @unchecked Sendable {
    let work = SideWork<SearchDocuments>("documents")
    /// Selects the next events; nil when closed.
    private var next: Statement?
    private let document = SearchDocument()

    /// The most rows, and their weight, to read in one snapshot, because a snapshot keeps the WAL
    /// from starting over.
    private static let rowsAtOnce = 256
    private static let weightAtOnce = 16_384

    init(path: String) throws(SQLiteError) {
        next = try Connection(path, .readOnly).prepare(
            "SELECT \(EventTable.columns) FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
    }

    /// Starts making the documents of up to `count` events after `seq`, until they reach `weight`.
    func begin(after seq: Int64, count: Int, weight: Int) {
        work.begin { [self] () throws(SQLiteError) in
            var documents = SearchDocuments()
            var isMore = true
            while isMore, documents.count < count, documents.weight < weight {
                isMore = try append(
                    min(count - documents.count, Self.rowsAtOnce),
                    after: max(seq, documents.lastSeq),
                    upTo: min(weight, documents.weight + Self.weightAtOnce), to: &documents)
            }
            return documents
        }
    }

    /// Closes the connection after the current work; no more is made.
    func close() {
        work.wait()
        next = nil
    }

    /// Returns true if there may be more events.
    private func append(
        _ count: Int, after seq: Int64, upTo weight: Int, to documents: inout SearchDocuments
    ) throws(SQLiteError) -> Bool {
        guard let next else { return false }
        try next.bind(1, seq)
        try next.bind(2, Int64(count))
        defer { next.reset() }
        let end = documents.count + count
        while documents.weight < weight {
            guard try next.step() else { return documents.count == end }
            let event = EventTable.view(next)
            document.make(event)
            documents.append(event, document)
        }
        return true
    }
}
