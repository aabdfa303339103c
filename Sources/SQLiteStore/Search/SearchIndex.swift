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
    /// Events that were deleted, or were to be, while the documents of the next ones are made.
    private var gone: Set<Int64>?
    /// Events that went in or out since its segments were merged as far as they should be; at first there
    /// may be some of before.
    private(set) var unmerged = 1
    private let connection: Connection
    private let last, state, find, add, remove, merge, bounds: Statement
    private let document = SearchDocument()
    /// Told why the index is emptied.
    var reportContradiction: (SQLiteError) -> Void = { _ in }

    init(_ connection: Connection) throws(SQLiteError) {
        let recorded = try connection.integer("SELECT indexed_seq FROM search_state")
        guard let recorded else {
            throw SQLiteError(
                extendedCode: SQLiteError.corrupt, message: "search_state has no row")
        }
        self.connection = connection
        // SchemaManager refuses any that is none; this is what another program writes after that.
        indexedSeq = EventTable.clampedSeq(recorded)
        filledSeq = indexedSeq
        last = try connection.prepare("SELECT max(seq) FROM events")
        state = try connection.prepare("UPDATE search_state SET indexed_seq = ?")
        find = try connection.prepare("SELECT 1 FROM events WHERE seq = ?")
        add = try connection.prepare("INSERT INTO search (rowid, words) VALUES (?, ?)")
        remove = try connection.prepare(
            "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)")
        merge = try connection.prepare("INSERT INTO search (search, rank) VALUES ('merge', ?)")
        bounds = try connection.prepare(EventTable.seqsOfMoment)
    }

    /// At most as many events as this are not in the index yet.
    func behind() throws(SQLiteError) -> Int {
        max(0, Int(EventTable.clampedSeq(try last.number() ?? 0) - indexedSeq))
    }

    /// Notes that the documents of the next events begin to be made, for `add`.
    func noteMaking() { gone = [] }

    /// Whether documents are made that `add` may take: not where the index has been emptied since.
    var expectsDocuments: Bool { gone != nil }

    /// Notes that what was made is not going to be added.
    func forgetMaking() { gone = nil }

    /// Notes that the transaction of the last `add` is committed.
    func noteCommit() {
        indexedSeq = filledSeq
        forgetMaking()
    }

    /// Takes the next events into the index.
    func add(_ documents: SearchDocuments) throws(SQLiteError) {
        filledSeq = indexedSeq
        guard documents.count > 0 else { return }
        try documents.forEach { key, seq, text throws(SQLiteError) in
            guard try !isGone(seq) else { return }
            try add.bind(1, key)
            try add.bind(2, borrowing: text)
            try add.run()
        }
        unmerged += documents.count
        filledSeq = documents.lastSeq
        try state.bind(1, filledSeq)
        try state.run()
    }

    /// Whether an event has been deleted since its document was made; a deletion may have been undone.
    private func isGone(_ seq: Int64) throws(SQLiteError) -> Bool {
        guard gone?.contains(seq) ?? false else { return false }
        try find.bind(1, seq)
        defer { find.reset() }
        return try !find.step()
    }

    /// Whether none of the events that are there is in it.
    func isEmpty() throws(SQLiteError) -> Bool {
        guard let first = try firstSeq() else { return true }
        return indexedSeq < first
    }

    private func firstSeq() throws(SQLiteError) -> Int64? {
        try connection.integer("SELECT min(seq) FROM events")
    }

    /// Empties the index, to be filled anew: hardly any page is needed for that, and most become free.
    func empty() throws(SQLiteError) {
        try connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
        filledSeq = max(0, EventTable.clampedSeq(try firstSeq() ?? 0) - 1)
        try state.bind(1, filledSeq)
        try state.run()
    }

    /// Gathers what the index has of an event that is about to be deleted, and says whether it has
    /// anything. One that shares its key with another stays, for its words may be the other's, too: the
    /// index may know too much.
    func gather(
        _ event: EventView, into documents: inout SearchDocuments
    ) throws(SQLiteError) -> Bool {
        guard event.seq <= indexedSeq else {
            gone?.insert(event.seq)
            return false
        }
        guard try isAlone(event) else { return false }
        document.make(event)
        documents.append(event, document)
        return true
    }

    /// Takes what has been gathered out of the index. Where that contradicts the index, because somebody
    /// else has changed either, the index is emptied, to be filled anew: it is made of events.
    func remove(_ documents: SearchDocuments) throws(SQLiteError) {
        do {
            try documents.forEach { key, _, text throws(SQLiteError) in
                try remove.bind(1, key)
                try remove.bind(2, borrowing: text)
                try remove.run()
            }
        } catch {
            guard error.isDamageOfIndex else { throw error }
            reportContradiction(error)
            try empty()
            // Should the transaction be rolled back, some events will be taken in twice, which is no harm.
            noteCommit()
        }
        unmerged += documents.count
    }

    /// Merges segments, each change of the index being one: so many pages, and on to the end of a word's
    /// list.
    ///
    /// - Returns: whether there was anything to do.
    func merge(pages: Int) throws(SQLiteError) -> Bool {
        let before = connection.totalChanges
        try merge.bind(1, Int64(pages))
        try merge.run()
        // https://sqlite.org/fts5.html#the_merge_command
        let hasWorked = connection.totalChanges - before > 1
        unmerged = hasWorked ? max(1, unmerged - pages / Self.pagesPerEvent) : 0
        return hasWorked
    }

    /// Pages that are written to merge what an event changes, until it is where it stays.
    private static let pagesPerEvent = 2

    private func isAlone(_ event: EventView) throws(SQLiteError) -> Bool {
        guard SearchKey.createdAt(SearchKey.of(event)) != nil else { return false }
        try bounds.bind(1, borrowing: event[.createdAt])
        defer { bounds.reset() }
        guard try bounds.step() else { return true }
        return EventTable.clampedSeq(bounds.integer(1)) - EventTable.clampedSeq(bounds.integer(0))
            <= SearchKey.sequenceMask
    }
}
