import Glibc
import Logging
import SQLite

extension Connection {
    /// Checkpoints, and ends the process where a sync failed: what has been moved may be lost, only
    /// the WAL has it for certain, and only a start moves all of the WAL again.
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

/// The end of the process after a sync of the database file that failed.
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
