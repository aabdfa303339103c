import Events
import SQLite

/// Makes the documents of events that the search index does not have yet, on a thread and a connection
/// of its own: it is half of what the index costs, and needs no lock.
///
/// `@unchecked Sendable`: the connection and its statement are used by one piece of work at a time.
final class DocumentMaker: @unchecked Sendable {
    let work = SideWork<SearchDocuments>("documents")
    /// The next events; nil when closed.
    private var next: Statement?
    private let document = SearchDocument()

    /// What is read in one snapshot, which keeps the WAL from beginning anew: rows, and their weight.
    private static let rowsAtOnce = 256
    private static let weightAtOnce = 16_384

    init(path: String) throws(SQLiteError) {
        next = try Connection(path, .readOnly).prepare(
            "SELECT \(EventTable.columns) FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
    }

    /// Begins to make those of the first `count` events after `seq`, or of as many as there are, until
    /// they come to `weight`.
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

    /// Closes the connection, once nothing is being made any more; nothing is from then on.
    func close() {
        work.wait()
        next = nil
    }

    /// Returns whether there may be more events.
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
