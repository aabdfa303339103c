import CSQLite
import Glibc

/// A connection to a database file, which is not trusted: its triggers and views do not run. Only
/// one thread at a time may use it. It is closed with the last reference.
public final class Connection {
    /// The way a file is opened.
    public enum Mode: Sendable {
        case readOnly
        case readWrite
        /// Creates the file if it is missing, accessible only to its owner.
        case create
        /// Reads a file that nobody writes, without leaving a lock, a WAL or anything else beside
        /// it.
        case immutable
    }

    let handle: OpaquePointer
    /// False if another user of the library initialized it first; memory statistics then stay on.
    private static let isConfigured: Bool = csqlite_forgo_memory_statistics() == SQLITE_OK
    private var interruption: Interruption?

    private final class Interruption {
        let shouldStop: () -> Bool

        init(_ shouldStop: @escaping () -> Bool) { self.shouldStop = shouldStop }
    }

    /// Opens the database at `path`.
    ///
    /// - Throws: if the file cannot be opened. Its content is examined only by the first statement.
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
        // NOMUTEX, because this class allows only one thread at a time.
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
        // Checks each page before using it: https://sqlite.org/pragma.html#pragma_cell_size_check
        try execute("PRAGMA cell_size_check=ON")
    }

    deinit {
        // close_v2 waits for statements that are finalized after their connection.
        sqlite3_close_v2(handle)
    }

    /// A URI for `path`. `?`, `#` and `%` have a meaning in a URI, and so do two slashes at its
    /// start (https://sqlite.org/uri.html). Bytes are escaped, not characters, because a combining
    /// mark forms one character with the `?` before it.
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

    /// Creates the file, because SQLite would let other users read it; its journals inherit its
    /// permissions. If that fails, opening the file reports why. An existing file is not opened,
    /// because closing it again would release the locks of other connections
    /// (https://sqlite.org/howtocorrupt.html, 2.2).
    private static func makeFile(_ path: String) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    /// The error of the last call.
    func lastError() -> SQLiteError {
        SQLiteError(
            extendedCode: sqlite3_extended_errcode(handle),
            message: String(cString: sqlite3_errmsg(handle)))
    }

    /// Prepares `sql`, a single statement.
    public func prepare(_ sql: String) throws(SQLiteError) -> Statement {
        try Statement(self, sql)
    }

    /// Runs one or more statements without parameters, and ignores their rows.
    public func execute(_ sql: String) throws(SQLiteError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw lastError() }
    }

    /// The first column of the first row of `sql` as text; nil if there is no row or it is NULL.
    public func text(_ sql: String) throws(SQLiteError) -> String? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.text(0) : nil
    }

    /// The first column of the first row of `sql` as a number; nil if there is no row.
    public func integer(_ sql: String) throws(SQLiteError) -> Int64? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.integer(0) : nil
    }

    /// Runs `body` in a transaction that holds the write lock from its start; rolls back if it
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

    /// Runs `body` in a transaction that holds the write lock from its start; rolls back if it
    /// throws.
    public func transaction(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
        try transaction(orElse: { $0 }, body)
    }

    /// True if a transaction is open. Some errors (a full disk, an I/O error) have already rolled
    /// back: https://sqlite.org/lang_transaction.html
    public var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Ends an open transaction, if any, without its changes.
    public func rollback() {
        guard isInTransaction else { return }
        // No failure of ROLLBACK can be handled; the lock is released with the connection at the
        // latest.
        sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
    }

    /// The number of rows that the last INSERT, UPDATE or DELETE changed.
    public var changes: Int { Int(sqlite3_changes64(handle)) }

    /// The number of rows changed since the connection was opened, including those in a virtual
    /// table's own tables.
    public var totalChanges: Int { Int(sqlite3_total_changes64(handle)) }

    /// The rowid of the last successful INSERT.
    public var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Sets the longest that a statement waits for another connection's lock.
    public func setBusyTimeout(milliseconds: Int32) {
        sqlite3_busy_timeout(handle, milliseconds)
    }

    /// Calls `shouldStop` every `steps` steps of the virtual machine, a few nanoseconds each. If it
    /// returns true, the statement stops with `SQLITE_INTERRUPT`.
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

    /// Makes closing leave the WAL as it is; otherwise the last connection to close moves it into
    /// the file.
    public func keepWALOnClose() {
        csqlite_keep_wal_on_close(handle)
    }

    /// The pages in the WAL after the last commit of this connection, since `takeOverCheckpoints`
    /// was called.
    public private(set) var walPages = 0

    /// An upper bound on the pages before the next commit in the WAL. It may start at the beginning
    /// if everything has been moved and nobody reads.
    public private(set) var walEnd = 0

    /// The commits of this connection to the WAL since `takeOverCheckpoints` was called.
    public private(set) var walCommits = 0

    /// Turns automatic checkpoints off; `walPages` shows when one is due.
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

    /// The pages that went into the file or the WAL before their transaction was committed because
    /// the cache was full, since the last call.
    public func takeSpilledPages() -> Int {
        var count: Int32 = 0
        var highest: Int32 = 0
        // Fails only for an unknown counter: https://sqlite.org/c3ref/db_status.html
        let result = sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_SPILL, &count, &highest, 1)
        precondition(result == SQLITE_OK, "SQLite 3.23 or newer counts spilled pages")
        return Int(count)
    }

    /// The extent of a checkpoint (https://sqlite.org/c3ref/wal_checkpoint_v2.html).
    public enum Checkpoint: Sendable {
        /// As much as readers allow.
        case passive
        /// Everything, after which the next commit begins at the start of the WAL file. Waits for
        /// readers up to the busy timeout.
        case restart
        /// Everything, after which the WAL file is emptied. Waits for readers up to the busy
        /// timeout.
        case truncate
    }

    /// Moves the WAL's content into the database. Only one connection at a time may do so.
    ///
    /// After a failed sync (`SQLiteError.isFailedSync`) nobody may use the database any more.
    /// SQLite counts what it moved before as moved, but the disk may have lost any of it, and a
    /// second sync would not report that (https://lwn.net/Articles/752063/). Only recovery from the
    /// WAL moves all of it again.
    ///
    /// - Returns: the pages in the WAL, and the number of them that are now in the database.
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

    /// Syncs what has been moved into the file, even if a checkpoint left that to a later one.
    public func syncMoved() throws(SQLiteError) {
        let result = csqlite_sync_database(handle)
        guard result == SQLITE_OK else {
            throw SQLiteError(
                extendedCode: SQLiteError.notSynced, message: "the database file cannot be synced")
        }
    }

    /// SQLite's checks of a whole database (https://sqlite.org/pragma.html#pragma_integrity_check).
    public enum Check: String, Sendable {
        case integrity = "integrity_check"
        /// Does not compare indexes with their tables.
        case quick = "quick_check"
    }

    /// Has SQLite check the database.
    ///
    /// - Throws: the first error found.
    public func check(_ kind: Check) throws(SQLiteError) {
        let verdict = try text("PRAGMA \(kind.rawValue)(1)") ?? "the check is silent"
        guard verdict != "ok" else { return }
        throw SQLiteError(extendedCode: SQLiteError.corrupt, message: verdict)
    }

    /// Copies the whole database to a new file at `path` (https://sqlite.org/backup.html).
    ///
    /// - Throws: if reading or writing fails. The caller must remove the incomplete file.
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

    /// The version of the linked library, such as `3.40.1`.
    public static var libraryVersion: String { String(cString: sqlite3_libversion()) }
}
