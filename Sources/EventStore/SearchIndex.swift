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
    private let last, state, unindexed, add, remove, bounds: Statement
    private let document = SearchDocument()

    init(_ connection: Connection) throws(SQLiteError) {
        let recorded = try connection.integer("SELECT indexed_seq FROM search_state")
        guard let recorded else {
            throw SQLiteError(
                extendedCode: SQLiteError.corrupt, message: "search_state has no row")
        }
        indexedSeq = recorded
        filledSeq = recorded
        last = try connection.prepare("SELECT max(seq) FROM events")
        state = try connection.prepare("UPDATE search_state SET indexed_seq = ?")
        unindexed = try connection.prepare(
            "SELECT \(EventTable.columns) FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
        add = try connection.prepare("INSERT INTO search (rowid, words) VALUES (?, ?)")
        remove = try connection.prepare(
            "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)")
        bounds = try connection.prepare(EventTable.seqsOfMoment)
    }

    /// At most as many events as this are not in the index yet.
    func behind() throws(SQLiteError) -> Int {
        max(0, Int((try last.number() ?? 0) - indexedSeq))
    }

    /// Notes that the transaction of the last `fill` is committed.
    func noteCommit() { indexedSeq = filledSeq }

    /// Takes the next events into the index, `limit` at most.
    func fill(limit: Int) throws(SQLiteError) {
        var documents = SearchDocuments()
        filledSeq = indexedSeq
        try unindexed.bind(1, indexedSeq)
        try unindexed.bind(2, Int64(limit))
        defer { unindexed.reset() }
        while try unindexed.step() {
            let event = EventTable.view(unindexed)
            document.make(event)
            documents.append(key: SearchKey.of(event), text: document.text)
            filledSeq = event.seq
        }
        guard documents.count > 0 else { return }
        try documents.forEach { key, text throws(SQLiteError) in
            try add.bind(1, key)
            try add.bind(2, borrowing: text)
            try add.run()
        }
        try state.bind(1, filledSeq)
        try state.run()
    }

    /// Gathers what the index has of an event that is about to be deleted. One that shares its key
    /// with another stays, for its words may be the other's, too: the index may know too much.
    func gather(_ event: EventView, into documents: inout SearchDocuments) throws(SQLiteError) {
        guard event.seq <= indexedSeq, try isAlone(event) else { return }
        document.make(event)
        documents.append(key: SearchKey.of(event), text: document.text)
    }

    /// Takes what has been gathered out of the index.
    func remove(_ documents: SearchDocuments) throws(SQLiteError) {
        try documents.forEach { key, text throws(SQLiteError) in
            try remove.bind(1, key)
            try remove.bind(2, borrowing: text)
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
