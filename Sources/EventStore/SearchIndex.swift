import Events
import SQLite

/// The writer's side of the search index, which is filled behind the events: those up to
/// `indexedSeq` are in it, and what reads it looks through the others itself.
///
/// It belongs to the writer's connection; each change is part of the transaction that the caller
/// holds.
final class SearchIndex {
    /// Up to which seq events are in the index.
    private(set) var indexedSeq: Int64
    /// What `indexedSeq` becomes when the transaction is committed.
    private var filledSeq: Int64
    private let state, unindexed, add, remove, bounds: Statement
    private let document = SearchDocument()

    /// Events of one transaction's share of indexing: some ten milliseconds.
    static let sliceEvents = 1024

    init(_ connection: Connection) throws(SQLiteError) {
        let recorded = try connection.integer("SELECT indexed_seq FROM search_state")
        guard let recorded else {
            throw SQLiteError(
                extendedCode: SQLiteError.corrupt, message: "search_state has no row")
        }
        indexedSeq = recorded
        filledSeq = recorded
        state = try connection.prepare("UPDATE search_state SET indexed_seq = ?")
        unindexed = try connection.prepare(
            "SELECT \(EventTable.columns) FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
        add = try connection.prepare("INSERT INTO search (rowid, words) VALUES (?, ?)")
        remove = try connection.prepare(
            "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)")
        bounds = try connection.prepare(EventTable.seqsOfMoment)
    }

    /// Notes that the transaction of the last `fill` is committed.
    func noteCommit() { indexedSeq = filledSeq }

    /// Takes the next events into the index, `limit` at most.
    ///
    /// - Returns: how many there were.
    func fill(limit: Int) throws(SQLiteError) -> Int {
        var texts: [UInt8] = []
        var documents: [(key: Int64, range: Range<Int>)] = []
        filledSeq = indexedSeq
        try unindexed.bind(1, indexedSeq)
        try unindexed.bind(2, Int64(limit))
        defer { unindexed.reset() }
        while try unindexed.step() {
            let event = EventTable.view(unindexed)
            document.make(event)
            let start = texts.count
            texts += document.text
            documents.append((SearchKey.of(event), start..<texts.count))
            filledSeq = event.seq
        }
        guard !documents.isEmpty else { return 0 }
        // In rising order, or FTS5 begins a new segment at each step back.
        documents.sort { $0.key < $1.key }
        try texts.span.withUnsafeBytes { bytes throws(SQLiteError) in
            for document in documents {
                try add.bind(1, document.key)
                try add.bind(2, borrowing: UnsafeRawBufferPointer(rebasing: bytes[document.range]))
                try add.run()
            }
        }
        try state.bind(1, filledSeq)
        try state.run()
        return documents.count
    }

    /// Takes an event that is about to be deleted out of the index. One that shares its key with
    /// another stays, for its words may be the other's, too: the index may know too much.
    func remove(_ event: EventView) throws(SQLiteError) {
        guard event.seq <= indexedSeq, try isAlone(event) else { return }
        document.make(event)
        let key = SearchKey.of(event)
        let text = document.text
        try text.span.withUnsafeBytes { bytes throws(SQLiteError) in
            try remove.bind(1, key)
            try remove.bind(2, borrowing: bytes)
            try remove.run()
        }
    }

    private func isAlone(_ event: EventView) throws(SQLiteError) -> Bool {
        guard SearchKey.createdAt(SearchKey.of(event)) != nil else { return false }
        try bounds.bind(1, borrowing: event[.createdAt])
        defer { bounds.reset() }
        guard try bounds.step() else { return true }
        return bounds.integer(1) - bounds.integer(0) <= SearchKey.sequenceMask
    }
}
