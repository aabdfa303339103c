import CSQLite

/// A copy of a whole database to a new file, made some pages at a time
/// (https://sqlite.org/backup.html). What its source connection writes between two steps is part of
/// the copy; what others write makes it begin anew.
public final class Backup {
    private let source: Connection
    private let target: Connection
    private let handle: OpaquePointer

    /// Begins to copy what `source` is connected to, to the new file at `path`. It is not synced.
    public init(of source: Connection, to path: String) throws(SQLiteError) {
        self.source = source
        target = try Connection(path, .create)
        // A copy that is not finished is worth nothing, and needs no journal: `Connection` allows no OFF.
        try target.execute("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF")
        guard let handle = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
            throw target.lastError()
        }
        self.handle = handle
    }

    deinit { sqlite3_backup_finish(handle) }

    /// Copies up to so many pages, all that are left when it is nil.
    ///
    /// - Returns: whether all of them are copied.
    public func step(pages: Int? = nil) throws(SQLiteError) -> Bool {
        let result = sqlite3_backup_step(handle, pages.map { Int32(clamping: $0) } ?? -1)
        switch result {
        case SQLITE_OK: return false
        case SQLITE_DONE: return true
        default:
            throw SQLiteError(
                extendedCode: result, message: "the copy to a new file did not finish")
        }
    }
}
