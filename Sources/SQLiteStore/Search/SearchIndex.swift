import EventStore
import Events
import SQLite

/// The writer's side of the search index, which is filled after events are stored. Events up to
/// `indexedSeq` are in it; readers look through the others themselves.
///
/// It belongs to the writer's connection. Each change is part of the caller's transaction.
final class SearchIndex {
    /// The seq up to which events are in the index.
    private(set) var indexedSeq: Int64
    /// The value of `indexedSeq` once the transaction is committed.
    private var filledSeq: Int64
    /// Events that were or may have been deleted while the documents of the next ones are being
    /// made.
    private var gone: Set<Int64>?
    /// Events added or removed since its segments were last merged completely. At first there may
    /// be some from before.
    private(set) var unmerged = 1
    private let connection: Connection
    private let last, state, find, add, remove, merge, bounds: Statement
    private let document = SearchDocument()
    /// Called with the reason when the index is emptied.
    var reportContradiction: (SQLiteError) -> Void = { _ in }

    init(_ connection: Connection) throws(SQLiteError) {
        let recorded = try connection.integer("SELECT indexed_seq FROM search_state")
        guard let recorded else {
            throw SQLiteError(
                extendedCode: SQLiteError.corrupt, message: "search_state has no row")
        }
        self.connection = connection
        // SchemaManager refuses a bad value; this is for another program's later write.
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

    /// An upper bound on the events that are not in the index yet.
    func behind() throws(SQLiteError) -> Int {
        max(0, Int(EventTable.clampedSeq(try last.number() ?? 0) - indexedSeq))
    }

    /// Notes that the documents of the next events are being made, for `add`.
    func noteMaking() { gone = [] }

    /// True if documents are being made that `add` may take. False if the index was emptied since.
    var expectsDocuments: Bool { gone != nil }

    /// Notes that the documents will not be added.
    func forgetMaking() { gone = nil }

    /// Notes that the transaction of the last `add` is committed.
    func noteCommit() {
        indexedSeq = filledSeq
        forgetMaking()
    }

    /// Adds the next events to the index.
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

    /// True if an event was deleted since its document was made. A deletion may have been rolled
    /// back.
    private func isGone(_ seq: Int64) throws(SQLiteError) -> Bool {
        guard gone?.contains(seq) ?? false else { return false }
        try find.bind(1, seq)
        defer { find.reset() }
        return try !find.step()
    }

    /// True if the index has none of the stored events.
    func isEmpty() throws(SQLiteError) -> Bool {
        guard let first = try firstSeq() else { return true }
        return indexedSeq < first
    }

    private func firstSeq() throws(SQLiteError) -> Int64? {
        try connection.integer("SELECT min(seq) FROM events")
    }

    /// Empties the index so that it is rebuilt. That needs hardly any pages and frees most.
    func empty() throws(SQLiteError) {
        try connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
        filledSeq = max(0, EventTable.clampedSeq(try firstSeq() ?? 0) - 1)
        try state.bind(1, filledSeq)
        try state.run()
    }

    /// Collects what the index has of an event that is about to be deleted; false if it has
    /// nothing. An event that shares its key stays, because its words may be the other's too: the
    /// index may claim too much.
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

    /// Removes what was collected from the index. If that contradicts the index, because another
    /// program changed either, the index is emptied and rebuilt from the events.
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
            // If the transaction is rolled back, some events are added twice, which does no harm.
            noteCommit()
        }
        unmerged += documents.count
    }

    /// Merges segments, of which each change adds one: the given number of pages, and on to the end
    /// of a word's list.
    ///
    /// - Returns: true if there was anything to do.
    func merge(pages: Int) throws(SQLiteError) -> Bool {
        let before = connection.totalChanges
        try merge.bind(1, Int64(pages))
        try merge.run()
        // https://sqlite.org/fts5.html#the_merge_command
        let hasWorked = connection.totalChanges - before > 1
        unmerged = hasWorked ? max(1, unmerged - pages / Self.pagesPerEvent) : 0
        return hasWorked
    }

    /// Pages written to merge one event's changes until they reach their final segment.
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
