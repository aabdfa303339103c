import CLinux
import EventStore
import Events
import Glibc
import Logging
import System

/// The lock that makes one process the only writer of a database. SQLite itself lets several write
/// in turn, and its WAL-reset defect (3.7.0 to 3.51.2) then corrupts the file. Released when the
/// process ends, in whatever way.
final class DatabaseLock: Sendable {
    private let descriptor: Int32

    private static let pollMicroseconds: UInt32 = 20_000
    /// The most bytes of the holder's text.
    private static let holderBytes = 256

    /// Takes the lock, in a file beside the database that is never removed.
    ///
    /// - Parameters:
    ///   - timeout: the longest to wait for another process to release it, such as an old one that
    ///     is shutting down; nil if the caller cannot wait.
    ///   - now: the start of holding it, for people who look for the holder.
    /// - Throws: `refused`, naming the holder.
    init(
        database path: String, timeout: Duration? = nil, now: Timestamp, logger: Logger
    ) throws(SchemaError) {
        let lockPath = Self.path(of: path)
        // From here on deinit closes it, even if this throws.
        descriptor = Self.open(lockPath, database: path)
        guard descriptor >= 0 else {
            throw .refused("Cannot open \(lockPath): \(Folder.reason(of: lockPath))")
        }
        guard Self.take(descriptor, timeout ?? .zero, logger) else {
            let advice =
                timeout == nil
                ? "" : "; if it is just shutting down, wait longer with --lock-timeout"
            throw .refused(
                "\(path) is in use by \(Self.holder(descriptor)); only one process may write it. Stop that process first\(advice)."
            )
        }
        // For people; the lock itself is the kernel's.
        let text = "process \(getpid()) on \(Self.hostName) since \(now.text)\n"
        guard ftruncate(descriptor, 0) == 0,
            pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count
        else {
            let reason = SystemError.text(of: errno)
            throw .refused("Cannot write \(lockPath): \(reason)")
        }
    }

    deinit { _ = close(descriptor) }

    /// Opens the lock file, or creates it. Only its owner may access it, because anyone who can
    /// open it can lock it and so keep a server from starting. One that root creates is given to
    /// the owner of the database.
    private static func open(_ path: String, database: String) -> Int32 {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW
        let new = Glibc.open(path, flags | O_CREAT | O_EXCL, 0o600)
        if new >= 0 { Folder.giveToOwner(of: database, new) }
        guard new < 0, errno == EEXIST else { return new }
        let present = Glibc.open(path, flags)
        // An earlier version let all users read it. Failure is fine: then it is another user's.
        if present >= 0 { _ = fchmod(present, 0o600) }
        return present
    }

    /// The lock file of the database at `path`.
    static func path(of path: String) -> String { path + ".lock" }

    private static func take(_ descriptor: Int32, _ timeout: Duration, _ logger: Logger) -> Bool {
        let limit = max(.zero, timeout).inNanoseconds
        let begin = clinux_monotonic_nanoseconds()
        var isFirst = true
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard clinux_monotonic_nanoseconds() - begin < limit else { return false }
            if isFirst {
                logger.notice("Waiting for \(holder(descriptor)) to release the database")
            }
            isFirst = false
            usleep(pollMicroseconds)
        }
        return true
    }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "an unnamed host" }
        return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// The holder's text. It may come from an earlier version, or be incomplete.
    private static func holder(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: holderBytes)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let line = buffer.prefix(max(0, count)).prefix { $0 >= 0x20 && $0 < 0x7F }
        return line.isEmpty ? "another process" : String(decoding: line, as: UTF8.self)
    }
}

/// The same lock for readers. While it is held, no server can start and the file does not change.
/// The lock file is not created, because one of another user would keep the server from starting.
final class SharedDatabaseLock {
    /// True if another process may write the database.
    let isWritten: Bool
    private let descriptor: Int32

    /// Takes the lock of the database at `path`, unless a server has it.
    init(database path: String) {
        descriptor = open(DatabaseLock.path(of: path), O_RDONLY | O_CLOEXEC)
        // Without a lock file, there has been no server. A file that cannot be opened may be
        // locked.
        isWritten =
            descriptor >= 0 ? flock(descriptor, LOCK_SH | LOCK_NB) != 0 : errno != ENOENT
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
