import Glibc
import Logging
import SQLite

/// The connection that writes.
extension Connection {
    /// In milliseconds. Nobody else writes, but a process that inspects the file may hold a lock
    /// for a moment.
    static let writerBusyTimeout: Int32 = 5000

    /// Opens the database at `path` for the only writer, which runs its own checkpoints.
    static func forWriting(_ path: String) throws(SQLiteError) -> Connection {
        let connection = try Connection(path, .readWrite)
        connection.setBusyTimeout(milliseconds: writerBusyTimeout)
        guard try connection.text("PRAGMA journal_mode=WAL") == "wal" else {
            throw SQLiteError(
                extendedCode: SQLiteError.cannotOpen,
                message: "the file system does not support a WAL")
        }
        // FULL syncs the WAL at every commit: https://sqlite.org/pragma.html#pragma_synchronous
        try connection.execute(
            """
            PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF
            """)
        connection.takeOverCheckpoints()
        return connection
    }

    /// Runs a checkpoint, and ends the process if a sync failed: the moved pages may be lost, only
    /// the WAL is certain to hold them, and only a restart moves the whole WAL again.
    func checkpoint(
        _ kind: Checkpoint, orEnd logger: Logger
    ) throws(SQLiteError) -> (pages: Int, moved: Int) {
        do {
            return try checkpoint(kind)
        } catch  where error.isFailedSync {
            FailedSync.end(error, logger)
        }
    }
}

/// The end of the process after a failed sync of the database file.
enum FailedSync {
    /// EX_IOERR of sysexits.h.
    static let exitCode: Int32 = 74

    static func end(_ error: SQLiteError, _ logger: Logger) -> Never {
        logger.critical(
            "A sync of the database file failed, so the process ends; the next start recovers every acknowledged event from the WAL: \(error)"
        )
        _exit(exitCode)
    }
}
