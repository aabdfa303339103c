import SQLite

/// What may still be written before the database and its WAL reach their bound. Asked before
/// anything is written, for a transaction that turns out to be too large has grown the files.
final class FileSpace {
    private let connection: Connection
    private let statements: EventStatements
    private let databasePages, walPages: Int
    private let pageCount, freeCount: Statement

    /// What is left of the last look at the files: no more is asked of SQLite while it lasts.
    private var room = 0
    /// Since the transaction began: pages that it may have changed, and events removed for it.
    private var changed = 0
    private(set) var removed = 0
    /// Pages that went into the WAL before its end, for the cache had no room for them.
    private var spilled = 0

    /// Pages that an event may change in the table and all indexes, overflow pages apart. Ten is
    /// usual; only where every tree splits on every level can it come to as many.
    private static let pagesPerEvent = 64
    /// The share of the WAL that retention can count on, to make room with.
    private static let reserve = 8
    /// Events that are removed at a time, and how often, to store one.
    private static let removedAtOnce = 16
    private static let attempts = 128

    /// - Parameter databasePages: the bound on the database itself.
    init(
        _ connection: Connection, _ statements: EventStatements, databasePages: Int, walPages: Int
    ) throws(SQLiteError) {
        self.connection = connection
        self.statements = statements
        self.databasePages = databasePages
        self.walPages = walPages
        pageCount = try connection.prepare("PRAGMA page_count")
        freeCount = try connection.prepare("PRAGMA freelist_count")
        // What this type does not foresee SQLite refuses:
        // https://sqlite.org/pragma.html#pragma_max_page_count
        try connection.execute("PRAGMA max_page_count=\(databasePages)")
    }

    // MARK: Between transactions

    /// Pages that the database may still fill.
    func freePages() throws(SQLiteError) -> Int {
        databasePages - Int(try pageCount.number() ?? 0) + Int(try freeCount.number() ?? 0)
    }

    /// Whether fewer are left than should be, so that nobody has to wait for room to be made.
    func isShort() throws(SQLiteError) -> Bool { try freePages() < headroom }

    private var headroom: Int { min(max(databasePages / 16, 2 * Self.pagesPerEvent), 16_384) }

    /// Pages that no event may fill: the search index grows behind events, and with what is deleted,
    /// before it shrinks. Without them a full database could not even make room.
    private var kept: Int { headroom / 2 }

    /// Whether the WAL should be emptied before anything is written.
    var isWALShort: Bool { connection.walEnd > walPages / 2 }

    /// Whether the WAL has room for a slice of retention.
    var hasRoomForSlice: Bool {
        connection.walEnd + rowsPerSlice * Self.pagesPerEvent / 4 < walPages
    }

    /// Rows that a slice of retention may remove.
    var rowsPerSlice: Int { max(1, walPages / Self.reserve / (Self.pagesPerEvent / 4)) }

    /// Whether the WAL has room for a slice of indexing, and the database for it and for deleting.
    func hasRoomToIndex() throws(SQLiteError) -> Bool {
        guard walHasRoomToIndex else { return false }
        return try freePages() > kept / 2
    }

    private var walHasRoomToIndex: Bool {
        connection.walEnd + walPages / Self.reserve < walPages
    }

    /// Events that such a slice may take, each of them less than a page.
    var eventsPerIndexing: Int { max(1, walPages / Self.reserve / 4) }

    /// Pages that a slice of merging may write before it frees as many, and on to the end of a word's
    /// list. A full database has to be merged most of all, for only then does what is deleted leave the
    /// index.
    func pagesPerMerging() throws(SQLiteError) -> Int {
        guard walHasRoomToIndex else { return 0 }
        return min(eventsPerIndexing, try freePages() / 2)
    }

    // MARK: Within one

    /// Begins to count, for a transaction that has just begun.
    func begin() {
        room = 0
        changed = 0
        removed = 0
        _ = connection.takeSpilledPages()
        spilled = 0
    }

    /// Forgets events that were removed in vain, for what they were to make room for was rolled back.
    func forgetRemoved(since count: Int) {
        removed = count
        room = 0
    }

    /// Whether an event of so many bytes can be stored; removes the events that came first if that
    /// makes room for it.
    func admit(bytes: Int) throws(SQLiteError) -> Bool {
        let cost = Self.pagesPerEvent + bytes / 1024
        if cost > room { try makeRoom(cost) }
        guard cost <= room else { return false }
        room -= cost
        changed += cost
        return true
    }

    private func makeRoom(_ cost: Int) throws(SQLiteError) {
        for _ in 0..<Self.attempts {
            let inDatabase = try freePages() - kept
            let inWAL = walPages - walPages / Self.reserve - walFrames()
            room = min(inDatabase, inWAL)
            guard inDatabase < cost, inWAL >= cost else { return }
            let count = try statements.deleteFirst(Self.removedAtOnce)
            guard count > 0 else { return }
            removed += count
            changed += count * Self.pagesPerEvent / 4
        }
    }

    /// Frames that the WAL has when this transaction is committed, at most: those of before, those
    /// that the cache had no room for, and all that the cache can hold.
    private func walFrames() -> Int {
        spilled += connection.takeSpilledPages()
        return connection.walEnd + spilled + min(changed, walPages / 4)
    }
}
