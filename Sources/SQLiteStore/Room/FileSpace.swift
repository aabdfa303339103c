import SQLite

/// The space that may still be written before the database and its WAL reach their limit. Checked
/// before anything is written, because a transaction that turns out to be too large has already
/// grown the files.
final class FileSpace {
    private let connection: Connection
    private let statements: EventStatements
    private let databasePages, walPages: Int
    private let pageCount, freeCount: Statement

    /// The rest of the last measurement. SQLite is not asked while it lasts.
    private var room = 0
    /// Since the transaction began: pages that it may have changed, and events removed for it.
    private var changed = 0
    private(set) var removed = 0
    /// Pages that went into the WAL before the commit because the cache was full.
    private var spilled = 0

    /// The most pages that an event may change in the table and all indexes, without overflow
    /// pages. Ten are usual; only if every tree splits on every level can it be so many.
    private static let pagesPerEvent = 64
    /// The share of the WAL that retention can count on for freeing space.
    private static let reserve = 8
    /// The number of events removed at a time, and the number of times, to store one.
    private static let removedAtOnce = 16
    private static let attempts = 128

    /// Creates the accounting.
    ///
    /// - Parameter databasePages: the limit on the database itself.
    init(
        _ connection: Connection, _ statements: EventStatements, databasePages: Int, walPages: Int
    ) throws(SQLiteError) {
        self.connection = connection
        self.statements = statements
        self.databasePages = databasePages
        self.walPages = walPages
        pageCount = try connection.prepare("PRAGMA page_count")
        freeCount = try connection.prepare("PRAGMA freelist_count")
        // SQLite refuses what this type does not foresee:
        // https://sqlite.org/pragma.html#pragma_max_page_count
        try connection.execute("PRAGMA max_page_count=\(databasePages)")
    }

    // MARK: Between transactions

    /// The pages that the database may still fill.
    func freePages() throws(SQLiteError) -> Int {
        databasePages - Int(try pageCount.number() ?? 0) + Int(try freeCount.number() ?? 0)
    }

    /// True if fewer are left than should be, so that no request has to wait for space.
    func isShort() throws(SQLiteError) -> Bool { try freePages() < headroom }

    private var headroom: Int { min(max(databasePages / 16, 2 * Self.pagesPerEvent), 16_384) }

    /// Pages that no event may fill. The search index grows after events are stored, and with
    /// deletions before it shrinks. Without these pages a full database could not even free space.
    private var kept: Int { headroom / 2 }

    /// True if the WAL should be emptied before anything is written.
    var isWALShort: Bool { connection.walEnd > walPages / 2 }

    /// True if the WAL has space for a slice of retention.
    var hasRoomForSlice: Bool {
        connection.walEnd + rowsPerSlice * Self.pagesPerEvent / 4 < walPages
    }

    /// The rows that a slice of retention may remove.
    var rowsPerSlice: Int { max(1, walPages / Self.reserve / (Self.pagesPerEvent / 4)) }

    /// True if the WAL has space for a slice of indexing, and the database for it and for deleting.
    func hasRoomToIndex() throws(SQLiteError) -> Bool {
        guard walHasRoomToIndex else { return false }
        return try freePages() > kept / 2
    }

    private var walHasRoomToIndex: Bool {
        connection.walEnd + walPages / Self.reserve < walPages
    }

    /// The events that such a slice may take, each of them less than a page.
    var eventsPerIndexing: Int { max(1, walPages / Self.reserve / 4) }

    /// The pages that a slice of merging may write before it frees as many, to the end of a word's
    /// list. Merging matters most in a full database, because only then do deleted events leave the
    /// index.
    func pagesPerMerging() throws(SQLiteError) -> Int {
        guard walHasRoomToIndex else { return 0 }
        return min(eventsPerIndexing, try freePages() / 2)
    }

    // MARK: Within one

    /// Begins to count for a new transaction.
    func begin() {
        room = 0
        changed = 0
        removed = 0
        _ = connection.takeSpilledPages()
        spilled = 0
    }

    /// Forgets events whose removal was rolled back.
    func forgetRemoved(since count: Int) {
        removed = count
        room = 0
    }

    /// True if an event of `bytes` bytes can be stored; removes the oldest events if that frees
    /// enough space.
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

    /// The most frames that the WAL has when this transaction is committed: the earlier ones, those
    /// that did not fit in the cache, and all that the cache can hold.
    private func walFrames() -> Int {
        spilled += connection.takeSpilledPages()
        return connection.walEnd + spilled + min(changed, walPages / 4)
    }
}
