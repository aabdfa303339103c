import CSQLite
import Glibc

/// A connection to a database file, which is not trusted: its triggers and views do not run. One
/// thread at a time may use it; it is closed when the last reference goes.
public final class Connection {
    /// How a file is opened.
    public enum Mode: Sendable {
        case readOnly
        case readWrite
        /// Makes the file when it is missing, for its owner alone.
        case create
        /// Reads a file that nobody writes, without leaving a lock, a WAL or anything else beside
        /// it.
        case immutable
    }

    let handle: OpaquePointer
    /// Where another user of the library has initialised it first, the statistics stay on.
    private static let isConfigured: Bool = csqlite_forgo_memory_statistics() == SQLITE_OK
    private var interruption: Interruption?

    private final class Interruption {
        let shouldStop: () -> Bool

        init(_ shouldStop: @escaping () -> Bool) { self.shouldStop = shouldStop }
    }

    /// Opens the database at `path`.
    ///
    /// - Throws: when the file cannot be opened. What it holds is looked at by the first statement.
    public init(_ path: String, _ mode: Mode) throws(SQLiteError) {
        let flags: Int32 =
            switch mode {
            case .readOnly, .immutable: SQLITE_OPEN_READONLY
            case .readWrite: SQLITE_OPEN_READWRITE
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        let name = Self.uri(path, mode == .immutable ? "?immutable=1" : "")
        if mode == .create, path != ":memory:" { Self.makeFile(path) }
        _ = Self.isConfigured
        var opened: OpaquePointer?
        // NOMUTEX: one thread at a time is this class's own rule.
        let result = sqlite3_open_v2(
            name, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nil)
        guard let opened else {
            throw SQLiteError(extendedCode: result, message: "out of memory")
        }
        handle = opened
        guard result == SQLITE_OK else {
            let error = SQLiteError(
                extendedCode: sqlite3_extended_errcode(opened),
                message: String(cString: sqlite3_errmsg(opened)))
            throw error
        }
        sqlite3_extended_result_codes(handle, 1)
        guard csqlite_distrust_file(handle) == SQLITE_OK else {
            throw SQLiteError(
                extendedCode: SQLITE_MISUSE, message: "SQLite 3.31 or newer is needed")
        }
        // Looks at a page before it is used: https://sqlite.org/pragma.html#pragma_cell_size_check
        try execute("PRAGMA cell_size_check=ON")
    }

    deinit {
        // close_v2 waits for statements that are finalized after their connection.
        sqlite3_close_v2(handle)
    }

    /// `?`, `#` and `%` mean something in a URI, and so do two slashes at its beginning
    /// (https://sqlite.org/uri.html). Bytes are escaped, not characters: a combining mark makes one
    /// character with the `?` before it.
    private static func uri(_ path: String, _ parameters: String) -> String {
        var escaped = Array((path.utf8.first == UInt8(ascii: "/") ? "file://" : "file:").utf8)
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "%"): escaped += Array("%25".utf8)
            case UInt8(ascii: "?"): escaped += Array("%3f".utf8)
            case UInt8(ascii: "#"): escaped += Array("%23".utf8)
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self) + parameters
    }

    /// Makes the file, because SQLite would let others read it; its journals get its permissions.
    /// Where that fails, opening it says why. A file that is there is not opened: closing it again
    /// would release the locks of other connections (https://sqlite.org/howtocorrupt.html, 2.2).
    private static func makeFile(_ path: String) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    /// The error that the last call left.
    func lastError() -> SQLiteError {
        SQLiteError(
            extendedCode: sqlite3_extended_errcode(handle),
            message: String(cString: sqlite3_errmsg(handle)))
    }

    /// Prepares `sql`, one statement.
    public func prepare(_ sql: String) throws(SQLiteError) -> Statement {
        try Statement(self, sql)
    }

    /// Runs one or more statements that take nothing and whose rows nobody wants.
    public func execute(_ sql: String) throws(SQLiteError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw lastError() }
    }

    /// The first column of the first row of `sql`, as text; nil when there is no row or it is NULL.
    public func text(_ sql: String) throws(SQLiteError) -> String? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.text(0) : nil
    }

    /// The first column of the first row of `sql`, as a number; nil when there is no row.
    public func integer(_ sql: String) throws(SQLiteError) -> Int64? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.integer(0) : nil
    }

    /// Runs `body` in a transaction that holds the write lock from its start; rolls back when it
    /// throws.
    public func transaction<Failure: Error>(
        orElse convert: (SQLiteError) -> Failure, _ body: () throws(Failure) -> Void
    ) throws(Failure) {
        do { try execute("BEGIN IMMEDIATE") } catch { throw convert(error) }
        do {
            try body()
        } catch {
            rollback()
            throw error
        }
        do {
            try execute("COMMIT")
        } catch {
            rollback()
            throw convert(error)
        }
    }

    /// Runs `body` in a transaction that holds the write lock from its start; rolls back when it
    /// throws.
    public func transaction(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
        try transaction(orElse: { $0 }, body)
    }

    /// Whether one is open. Some errors (a full disk, an I/O error) have rolled back already:
    /// https://sqlite.org/lang_transaction.html
    public var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Ends a transaction, if one is open, without its changes.
    public func rollback() {
        guard isInTransaction else { return }
        // ROLLBACK itself reports no failure that could be acted upon: the lock goes with the
        // connection at the latest.
        sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
    }

    /// Rows that the last INSERT, UPDATE or DELETE changed.
    public var changes: Int { Int(sqlite3_changes64(handle)) }

    /// Rows that have been changed since it was opened, those of a virtual table's own tables among them.
    public var totalChanges: Int { Int(sqlite3_total_changes64(handle)) }

    /// The rowid of the last successful INSERT.
    public var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// How long a statement waits for another connection's lock.
    public func setBusyTimeout(milliseconds: Int32) {
        sqlite3_busy_timeout(handle, milliseconds)
    }

    /// Asks `shouldStop` every `steps` steps of the virtual machine, a few nanoseconds each, and
    /// stops the statement with `SQLITE_INTERRUPT` when it says true.
    public func interruptWhen(every steps: Int32, _ shouldStop: @escaping () -> Bool) {
        let interruption = Interruption(shouldStop)
        self.interruption = interruption
        sqlite3_progress_handler(
            handle, steps,
            { context in
                Unmanaged<Interruption>.fromOpaque(context!).takeUnretainedValue().shouldStop()
                    ? 1 : 0
            }, Unmanaged.passUnretained(interruption).toOpaque())
    }

    /// Lets statements run to their end.
    public func neverInterrupt() {
        sqlite3_progress_handler(handle, 0, nil, nil)
        interruption = nil
    }

    /// Has closing leave the WAL as it is; otherwise the last connection to close moves it into the
    /// file.
    public func keepWALOnClose() {
        csqlite_keep_wal_on_close(handle)
    }

    /// Pages that the WAL holds after the last commit of this connection, once
    /// `takeOverCheckpoints` was called.
    public private(set) var walPages = 0

    /// Pages behind which the next commit goes into the WAL, at most: it may begin at its start, where
    /// all has been moved and nobody reads.
    public private(set) var walEnd = 0

    /// Commits of this connection that went into the WAL, since `takeOverCheckpoints` was called.
    public private(set) var walCommits = 0

    /// Has no commit checkpoint by itself any more; `walPages` tells when it is time to.
    public func takeOverCheckpoints() {
        // Setting a hook replaces the automatic checkpoint: https://sqlite.org/c3ref/wal_hook.html
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                let connection = Unmanaged<Connection>.fromOpaque(context!).takeUnretainedValue()
                connection.walPages = Int(pages)
                connection.walEnd = Int(pages)
                connection.walCommits += 1
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Pages that went into the file or the WAL before their transaction was committed, because the
    /// cache is full; since the last call.
    public func takeSpilledPages() -> Int {
        var count: Int32 = 0
        var highest: Int32 = 0
        // Fails for an unknown counter alone: https://sqlite.org/c3ref/db_status.html
        let result = sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_SPILL, &count, &highest, 1)
        precondition(result == SQLITE_OK, "SQLite 3.23 or newer counts spilled pages")
        return Int(count)
    }

    /// How far a checkpoint goes (https://sqlite.org/c3ref/wal_checkpoint_v2.html).
    public enum Checkpoint: Sendable {
        /// As far as readers let it.
        case passive
        /// All of it, and the next commit begins at the start of the WAL file; waits for readers as
        /// long as the busy timeout says.
        case restart
        /// All of it, and the WAL file is emptied; waits for readers as long as the busy timeout
        /// says.
        case truncate
    }

    /// Moves the WAL's content into the database. One connection at a time may do so.
    ///
    /// After a failed sync (`SQLiteError.isFailedSync`) nobody may use the database any more. SQLite
    /// counts what it moved before as moved, the disk may have lost any of it, and a second sync would
    /// not say so (https://lwn.net/Articles/752063/). Only recovery from the WAL moves all of it again.
    ///
    /// - Returns: pages in the WAL, and how many of them are in the database now.
    @discardableResult
    public func checkpoint(_ kind: Checkpoint) throws(SQLiteError) -> (pages: Int, moved: Int) {
        var pages: Int32 = 0
        var moved: Int32 = 0
        let mode =
            switch kind {
            case .passive: SQLITE_CHECKPOINT_PASSIVE
            case .restart: SQLITE_CHECKPOINT_RESTART
            case .truncate: SQLITE_CHECKPOINT_TRUNCATE
            }
        let result = sqlite3_wal_checkpoint_v2(handle, nil, mode, &pages, &moved)
        guard result == SQLITE_OK else { throw lastError() }
        if pages == moved { walPages = 0 }
        if kind != .passive { walEnd = 0 }
        return (Int(pages), Int(moved))
    }

    /// Syncs what has been moved into the file, also where a checkpoint has left that to a later one.
    public func syncMoved() throws(SQLiteError) {
        let result = csqlite_sync_database(handle)
        guard result == SQLITE_OK else {
            throw SQLiteError(
                extendedCode: SQLiteError.notSynced, message: "the database file cannot be synced")
        }
    }

    /// How SQLite looks through a database (https://sqlite.org/pragma.html#pragma_integrity_check).
    public enum Check: String, Sendable {
        case integrity = "integrity_check"
        /// Holds no index against its table.
        case quick = "quick_check"
    }

    /// Has SQLite look through the database.
    ///
    /// - Throws: the first thing that is wrong.
    public func check(_ kind: Check) throws(SQLiteError) {
        let verdict = try text("PRAGMA \(kind.rawValue)(1)") ?? "the check is silent"
        guard verdict != "ok" else { return }
        throw SQLiteError(extendedCode: SQLiteError.corrupt, message: verdict)
    }

    /// Copies the whole database to the new file at `path` (https://sqlite.org/backup.html).
    ///
    /// - Throws: when reading or writing fails; the half-made file is the caller's to remove.
    public func backUp(to path: String) throws(SQLiteError) {
        let target = try Connection(path, .create)
        guard let backup = sqlite3_backup_init(target.handle, "main", handle, "main") else {
            throw target.lastError()
        }
        let result = sqlite3_backup_step(backup, -1)
        sqlite3_backup_finish(backup)
        guard result == SQLITE_DONE else {
            throw SQLiteError(
                extendedCode: result, message: "the copy to a new file did not finish")
        }
    }

    /// The version of the library that is linked, such as `3.40.1`.
    public static var libraryVersion: String { String(cString: sqlite3_libversion()) }
}
