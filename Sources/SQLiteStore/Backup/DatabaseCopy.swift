public import EventStore
public import Events
import Glibc
public import Logging
import SQLite
import System

/// A copy of a database that has been checked completely.
public struct DatabaseCopy: Equatable, Sendable {
    /// The schema version.
    public let version: Int
    /// The number of events.
    public let events: Int64
    /// The size in bytes.
    public let bytes: Int64

    /// Checks the file at `path`, which nobody may write meanwhile.
    ///
    /// - Parameter lastSeq: the seq of the last event that must be in it; nil if unknown.
    /// - Throws: `refused` if it is not a complete Logbook database of this version or an older
    ///   one.
    public init(checking path: String, lastSeq: Int64? = nil, logger: Logger) throws(SchemaError) {
        version = try SchemaManager(lookingAt: path, logger: logger).inspect()
        guard version > 0 else { throw .refused("\(path) is empty: there is no database in it") }
        do throws(SQLiteError) {
            let connection = try Connection(path, .immutable)
            try connection.check(.integrity)
            events = try connection.integer("SELECT count(*) FROM events") ?? 0
            if let lastSeq {
                let last = try connection.integer("SELECT coalesce(max(seq), 0) FROM events") ?? 0
                guard last == lastSeq else {
                    throw SQLiteError(
                        extendedCode: SQLiteError.corrupt,
                        message: "it ends at event \(last) instead of \(lastSeq)")
                }
            }
        } catch {
            throw SchemaError(inspecting: path, error)
        }
        bytes = StoreSizes.file(path)
    }

    /// Copies the database at `path` to `output`, even while a server writes it. The copy is one
    /// snapshot, which keeps the server's WAL from being emptied until it is done.
    public static func make(
        of path: String, to output: String, logger: Logger
    ) throws(SchemaError) -> DatabaseCopy {
        let path = Folder.resolve(path)
        try DatabaseFile.require(path)
        let lock = SharedDatabaseLock(database: path)
        let source = SchemaManager(lookingAt: path, logger: logger)
        guard try source.inspect() > 0 else { throw .refused("\(path) holds no database") }
        var copy = UnfinishedFile(for: output)
        guard access(Folder.name(of: output), F_OK) == 0 else {
            throw .failed("Cannot make \(output): \(Folder.reason(of: output))")
        }
        let events: Int64
        do throws(SQLiteError) {
            let connection = try source.openForReading(lock)
            // In one transaction, so that the count matches the copy.
            try connection.execute("BEGIN")
            events = try connection.integer("SELECT count(*) FROM events") ?? 0
            guard try Backup(of: connection, to: copy.path).step() else {
                preconditionFailure("a step without a bound copies all that is left")
            }
            connection.rollback()
        } catch {
            throw .failed("Copying \(path) to \(output) failed: \(error)")
        }
        let made = try DatabaseCopy(checking: copy.path, logger: logger)
        guard made.events == events else {
            throw .failed("The copy has \(made.events) events instead of \(events)")
        }
        try copy.finish()
        withExtendedLifetime(lock) {}
        return made
    }

    /// Takes a copy that `receive` writes to a descriptor, and checks it before it becomes
    /// `output`.
    public static func receive(
        as output: String, logger: Logger, _ receive: (Int32) throws -> Void
    ) throws -> DatabaseCopy {
        var file = UnfinishedFile(for: output)
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SchemaError.failed(
                "Cannot make \(file.path): \(Folder.reason(of: file.path))")
        }
        do {
            defer { _ = close(descriptor) }
            try receive(descriptor)
        }
        let copy = try DatabaseCopy(checking: file.path, logger: logger)
        try file.finish()
        return copy
    }

    /// Replaces the database at `path` with the copy `source` and keeps the old one beside it.
    ///
    /// - Returns: the restored copy, and the path of the old file; nil if there was none.
    public static func restore(
        _ source: String, to path: String, logger: Logger, now: Timestamp
    ) throws(SchemaError) -> (copy: DatabaseCopy, old: String?) {
        let path = Folder.resolve(path)
        // First, so that a mistyped name leaves no lock file.
        try DatabaseFile.require(source)
        let lock = try DatabaseLock(database: path, now: now, logger: logger)
        var file = UnfinishedFile(for: path)
        do throws(SQLiteError) {
            let connection = try SchemaManager(lookingAt: source, logger: logger)
                .openForInspection()
            connection.keepWALOnClose()
            _ = try Backup(of: connection, to: file.path).step()
        } catch {
            throw SchemaError(inspecting: source, error)
        }
        let copy = try DatabaseCopy(checking: file.path, logger: logger)
        if copy.version == Migration.latest {
            do throws(SQLiteError) {
                for finding in try EventCheck.findings(Connection(file.path, .immutable)) {
                    logger.warning("\(source): \(finding)")
                }
            } catch {
                throw SchemaError(inspecting: source, error)
            }
        }
        file.giveToOwner()
        let old = try keepOld(path, logger, now)
        // The old file's journals must not be taken for the new one's.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        try file.finish()
        withExtendedLifetime(lock) {}
        return (copy, old)
    }

    /// Gives the database at `path` a second name, which it keeps when a new one replaces it. Its
    /// WAL is moved into it first.
    private static func keepOld(
        _ path: String, _ logger: Logger, _ now: Timestamp
    ) throws(SchemaError) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        do throws(SQLiteError) {
            // Closing the last connection moves the WAL into the file.
            _ = try Connection(path, .readWrite).integer("SELECT count(*) FROM sqlite_master")
        } catch {
            // It may be damaged; that may be why it is replaced.
            logger.warning(
                "The WAL of \(path) is kept beside it, because it cannot be moved into the file: \(error)"
            )
        }
        let old = "\(path).before-\(now.text)"
        for suffix in ["", "-wal"] where stat(path + suffix, &file) == 0 {
            guard link(path + suffix, old + suffix) == 0 else {
                throw .failed("Cannot keep \(path)\(suffix): \(SystemError.text(of: errno))")
            }
        }
        return old
    }
}
