import CSQLite

/// Copies a whole database to a new file, some pages at a time (https://sqlite.org/backup.html).
/// Writes by the source connection between two steps become part of the copy; writes by others make
/// it start over.
public final class Backup {
    private let source: Connection
    private let target: Connection
    private let handle: OpaquePointer

    /// Starts copying the database of `source` to a new file at `path`. The file is not synced.
    public init(of source: Connection, to path: String) throws(SQLiteError) {
        self.source = source
        target = try Connection(path, .create)
        // An unfinished copy is worthless and needs no journal, but `Connection` does not allow
        // OFF.
        try target.execute("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF")
        guard let handle = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
            throw target.lastError()
        }
        self.handle = handle
    }

    deinit { sqlite3_backup_finish(handle) }

    /// Copies up to `pages` pages, or all that are left if it is nil.
    ///
    /// - Returns: true if everything is copied.
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
