import EventStore
import Events
import Glibc
import Logging
import SQLite
import System

/// A copy of a database that has been looked through from end to end.
public struct DatabaseCopy: Equatable, Sendable {
    /// Of its schema.
    public let version: Int
    /// How many events it holds.
    public let events: Int64
    /// Its size.
    public let bytes: Int64

    /// Looks through the file at `path`, which nobody may write meanwhile.
    ///
    /// - Parameter lastSeq: the number of the last event that must be in it; nil when it is not known.
    /// - Throws: `refused` when it is not a whole database of ours, of this version or an older one.
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

    /// Copies the database at `path` to `output`, also while a server writes it: in one snapshot,
    /// which keeps the server's WAL from being emptied until it is done.
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
            // In one transaction, so that what is counted is what is copied.
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

    /// Takes a copy that `receive` writes to a descriptor, and checks it before it becomes `output`.
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

    /// Puts the copy `source` in place of the database at `path`, which is kept beside it.
    ///
    /// - Returns: what was restored, and where the old file is; nil when there was none.
    public static func restore(
        _ source: String, to path: String, logger: Logger, now: Timestamp
    ) throws(SchemaError) -> (copy: DatabaseCopy, old: String?) {
        let path = Folder.resolve(path)
        // First, so that a mistaken name leaves no lock file.
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
        // What is the old file's must not be taken for the new one's.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        try file.finish()
        withExtendedLifetime(lock) {}
        return (copy, old)
    }

    /// Gives the database at `path` a second name, under which it stays when a new one takes its
    /// place; what its WAL holds is brought into it first.
    private static func keepOld(
        _ path: String, _ logger: Logger, _ now: Timestamp
    ) throws(SchemaError) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        do throws(SQLiteError) {
            // Closing the last connection moves the WAL into the file.
            _ = try Connection(path, .readWrite).integer("SELECT count(*) FROM sqlite_master")
        } catch {
            // It may well be damaged, that being why another takes its place.
            logger.warning(
                "The WAL of \(path) is kept beside it, for it cannot be moved into it: \(error)")
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
