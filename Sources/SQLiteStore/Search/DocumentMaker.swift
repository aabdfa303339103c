import EventStore
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

/// Texts for the search index, collected in any order and returned by rising key, because FTS5
/// begins a new segment at each step back.
struct SearchDocuments: Sendable {
    private var texts: [UInt8] = []
    private var documents: [(key: Int64, seq: Int64, range: Range<Int>)] = []
    /// The greatest seq of their events; 0 if there are none.
    private(set) var lastSeq: Int64 = 0
    /// The cost of making them and of the index inserting or removing them.
    private(set) var weight = 0

    var count: Int { documents.count }

    /// Appends the document of `event`.
    mutating func append(_ event: EventView, _ document: SearchDocument) {
        let text = document.text
        documents.append(
            (SearchKey.of(event), event.seq, texts.count..<(texts.count + text.count)))
        texts += text
        lastSeq = max(lastSeq, event.seq)
        weight += SliceWeight.of(event) + SliceWeight.of(bytes: text.count) + document.tokens
    }

    func forEach<Failure: Error>(
        _ body: (_ key: Int64, _ seq: Int64, _ text: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try texts.span.withUnsafeBytes { bytes throws(Failure) in
            for document in documents.sorted(by: { $0.key < $1.key }) {
                try body(
                    document.key, document.seq,
                    UnsafeRawBufferPointer(rebasing: bytes[document.range]))
            }
        }
    }
}
