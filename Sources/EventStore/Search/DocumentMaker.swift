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

    /// Rows that are read in one snapshot, which keeps the WAL from beginning anew.
    private static let rowsAtOnce = 256

    init(path: String) throws(SQLiteError) {
        next = try Connection(path, .readOnly).prepare(
            "SELECT \(EventTable.columns) FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
    }

    /// Begins to make those of the first `count` events after `seq`, or of as many as there are.
    func begin(after seq: Int64, count: Int) {
        work.begin { [self] () throws(SQLiteError) in
            var documents = SearchDocuments()
            var last = seq
            while documents.count < count {
                let wanted = min(count - documents.count, Self.rowsAtOnce)
                guard try append(wanted, after: &last, to: &documents) == wanted else { break }
            }
            return documents
        }
    }

    /// Closes the connection, once nothing is being made any more; nothing is from then on.
    func close() {
        work.wait()
        next = nil
    }

    private func append(
        _ count: Int, after seq: inout Int64, to documents: inout SearchDocuments
    ) throws(SQLiteError) -> Int {
        guard let next else { return 0 }
        try next.bind(1, seq)
        try next.bind(2, Int64(count))
        defer { next.reset() }
        var made = 0
        while try next.step() {
            let event = EventTable.view(next)
            document.make(event)
            documents.append(event, text: document.text)
            seq = event.seq
            made += 1
        }
        return made
    }
}
