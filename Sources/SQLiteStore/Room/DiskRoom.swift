import Logging
import SQLite

/// The room left for writing, and the one way to make more: below the size limit, in the WAL, and
/// on a full disk. Only this type knows where room comes from: the WAL, the search index, the
/// reserve.
///
/// For the writer's thread alone.
final class DiskRoom {
    /// A need for room before anything has failed.
    enum Need {
        /// A commit comes next.
        case nextCommit
        /// A commit refused requests, most often because readers keep the WAL full.
        case refusedRequests
        /// Something was written to a full disk.
        case fullDisk
    }

    /// The error while the reserve is spent.
    static let diskIsFull = SQLiteError(
        extendedCode: SQLiteError.full, message: "no space is left for --disk-reserve-bytes")
    /// The error while `isTrusted` is false.
    static let diskDoesNotSync = SQLiteError(
        extendedCode: SQLiteError.notSynced, message: "a file beside the database cannot be synced")
    /// The WAL of a full disk must not use up the room reserved for moving it: it is emptied after
    /// 1 MiB, and after 4 MiB jobs wait until readers release it.
    private static let walPagesOfFullDisk = 256

    private let connection: Connection
    private let statements: EventStatements
    /// The size limit; nil if there is none.
    private let bound: FileSpace?
    private let reserve: DiskReserve
    private let reads: OpenReads
    private let path: String
    private let logger: Logger
    private let frameBytes: Int
    /// The checkpoints, which are also a job.
    let checkpoints: CheckpointJob
    /// True once a file beside the database has been written and synced. Nothing is written before
    /// that, because a failed sync of the database ends the process.
    private(set) var isTrusted = false
    /// True if events have been deleted since the disk was full.
    private var hasDeletedOnFullDisk = false

    init(
        _ connection: Connection, _ statements: EventStatements, _ plan: SpacePlan,
        _ reserve: DiskReserve, path: String, figures: StoreFigures, reads: OpenReads,
        logger: Logger
    ) throws(SQLiteError) {
        self.connection = connection
        self.statements = statements
        self.reserve = reserve
        self.reads = reads
        self.path = path
        self.logger = logger
        frameBytes = plan.frameBytes
        try connection.execute(
            "PRAGMA cache_size=\(plan.cachePages); PRAGMA journal_size_limit=\(plan.walFileBytes)")
        if let pages = plan.databasePages {
            bound = try FileSpace(
                connection, statements, databasePages: pages, walPages: plan.walPages)
        } else {
            bound = nil
        }
        checkpoints = CheckpointJob(
            connection, try WALMover(path: path, logger: logger), plan, figures: figures,
            reads: reads, reserve: reserve, logger: logger)
    }

    // MARK: Making room

    /// Makes room by emptying the WAL, as far as needed and possible.
    func make(for need: Need) {
        switch need {
        case .nextCommit:
            if let bound, bound.isWALShort { checkpoints.emptyWAL(stopping: .long) }
        case .refusedRequests: checkpoints.emptyWAL(stopping: .all)
        case .fullDisk:
            if isDiskFull { checkpoints.emptyWAL(stopping: .none) }
        }
    }

    /// Makes room after a failure with `error`. If no page is left below the size limit, the search
    /// index gives up its pages and is rebuilt later: deleting and merging both grow it at first.
    ///
    /// - Parameter fromReserve: whether a full disk may use the reserve.
    /// - Returns: true to try again; false if the error is another one or there is no room to make.
    func make(after error: SQLiteError, fromReserve: Bool) -> Bool {
        guard error.code == SQLiteError.full else { return false }
        if giveUpIndexBelowBound() { return true }
        guard fromReserve, reserve.spend() else { return false }
        make(for: .fullDisk)
        return true
    }

    private func giveUpIndexBelowBound() -> Bool {
        do {
            guard let bound, try bound.isShort(), try statements.emptySearchIndex() else {
                return false
            }
        } catch {
            // The first failure is the one to report.
            return false
        }
        logger.warning(
            "The search index has taken the pages that deleting needs below --max-database-bytes; it is being rebuilt"
        )
        return true
    }

    // MARK: A full disk

    /// True if the reserve is spent; the rest of it is only for deleting.
    var isDiskFull: Bool { reserve.isSpent }

    /// Checks that the disk keeps what is written, and takes the reserve. Throws if it does not, or
    /// if the disk is full.
    func claim() throws(SQLiteError) {
        if !isTrusted {
            guard reserve.canSync(), (try? Folder.sync(of: path)) != nil else {
                throw Self.diskDoesNotSync
            }
            isTrusted = true
        }
        make(for: .fullDisk)
        guard !reserve.restore() else { return }
        giveUpIndexOnFullDisk()
        throw Self.diskIsFull
    }

    /// Records that events were deleted, which should make room on a full disk.
    func noteDeletion() {
        if isDiskFull { hasDeletedOnFullDisk = true }
    }

    /// Makes the search index give up its pages if deleting made no room: a deletion grows the
    /// index until its segments are merged, and a full disk has no room to merge them. The pages go
    /// back to the disk, and the index is rebuilt later.
    private func giveUpIndexOnFullDisk() {
        guard hasDeletedOnFullDisk else { return }
        hasDeletedOnFullDisk = false
        do {
            guard try statements.emptySearchIndex() else { return }
            logger.warning(
                "The search index has taken the space that a deletion should free on the full disk; it is being rebuilt"
            )
        } catch {
            logger.warning("The search index cannot give up its space: \(error)")
        }
    }

    /// Moves the whole WAL into the database. Nothing may be written afterwards.
    func close() {
        checkpoints.stop()
        do {
            if isTrusted { _ = try connection.checkpoint(.truncate, orEnd: logger) }
        } catch {
            logger.warning(
                "The last checkpoint failed; the next start continues with the WAL: \(error)")
        }
        // On a full disk the next process may need it.
        if reserve.isSpent { _ = reserve.restore() }
    }

    // MARK: For jobs

    /// True if jobs may write at all: not while readers keep the WAL of a full disk from being
    /// emptied.
    func hasRoomForJobs() -> Bool {
        guard isDiskFull, connection.walEnd > Self.walPagesOfFullDisk else { return true }
        make(for: .fullDisk)
        return connection.walEnd <= 4 * Self.walPagesOfFullDisk || reads.oldestAge == .zero
    }

    /// True if fewer pages than desired are left below the size limit.
    func isShort() throws(SQLiteError) -> Bool { try bound?.isShort() ?? false }

    /// True if the WAL has room for a slice that deletes rows or moves pages.
    var hasRoomForSlice: Bool { bound?.hasRoomForSlice ?? true }

    /// The most rows or pages in such a slice.
    var rowsPerSlice: Int { bound?.rowsPerSlice ?? .max }

    /// True if there is room for a slice of indexing: not on a full disk, because the index grows.
    func hasRoomToIndex() throws(SQLiteError) -> Bool {
        guard !isDiskFull else { return false }
        return try bound?.hasRoomToIndex() ?? true
    }

    /// The most events in a slice of indexing, each of them smaller than a page.
    var eventsPerIndexing: Int { bound?.eventsPerIndexing ?? .max }

    /// The most pages that a slice of merging may write.
    func pagesPerMerging() throws(SQLiteError) -> Int { try bound?.pagesPerMerging() ?? .max }

    // MARK: For a transaction

    /// True if there is a size limit.
    var isBounded: Bool { bound != nil }

    /// The WAL's size in bytes.
    var walBytes: Int { connection.walEnd * frameBytes }

    /// The events that the transaction removed to make room.
    var removed: Int { bound?.removed ?? 0 }

    /// Starts counting for a transaction that has just begun.
    func begin() { bound?.begin() }

    /// Returns true if an event of this size can be stored. Removes the oldest events if that
    /// helps.
    func admit(bytes: Int) throws(SQLiteError) -> Bool { try bound?.admit(bytes: bytes) ?? true }

    /// Discounts events whose removal was rolled back, together with what it made room for.
    func forgetRemoved(since count: Int) { bound?.forgetRemoved(since: count) }
}
