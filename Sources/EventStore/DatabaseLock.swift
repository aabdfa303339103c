import Glibc

/// The lock that makes one process the only writer of a database: SQLite lets several write in
/// turn, and its WAL-reset defect (3.7.0 to 3.51.2) then corrupts the file. Released when the
/// process ends, however it ends.
final class DatabaseLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock, in a file beside the database that is never removed.
    init(database path: String) throws(SchemaError) {
        let lockPath = path + ".lock"
        // From here on deinit closes it, when this throws too.
        descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .refused("Cannot make \(lockPath): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.readHolder(descriptor)
            throw .refused("\(path) is in use by another process\(holder); only one may write it.")
        }
        // For people who look for the holder; the lock itself is the kernel's.
        let text = "\(getpid())\n"
        guard ftruncate(descriptor, 0) == 0,
            pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count
        else {
            let reason = String(cString: strerror(errno))
            throw .refused("Cannot write \(lockPath): \(reason)")
        }
    }

    deinit { _ = close(descriptor) }

    private static func readHolder(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let digits = buffer.prefix(max(0, count)).prefix { $0 &- UInt8(ascii: "0") < 10 }
        return digits.isEmpty ? "" : " (process \(String(decoding: digits, as: UTF8.self)))"
    }
}
