import Glibc
import SQLite

/// Disk space reserved for when the disk is full, because deleting goes through the WAL too, and
/// moving the WAL into the database may make that grow. It is a file beside the database that is
/// given back when nothing else is left.
///
/// Only one thread at a time may use it, the writer's.
final class DiskReserve {
    private let descriptor: Int32
    let bytes: Int
    /// True if the reserve has been given up, and what is left of it is for deleting only.
    private(set) var isSpent = false

    /// Creates the file and releases what an earlier process reserved, because opening a database
    /// needs a little space too. Call `restore` next.
    ///
    /// - Parameter bytes: the size, limited to a quarter of a small volume; 0 for no reserve.
    init(database path: String, bytes: Int) throws(SQLiteError) {
        descriptor = open(path + ".reserve", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        var volume = statvfs()
        guard descriptor >= 0, ftruncate(descriptor, 0) == 0, fstatvfs(descriptor, &volume) == 0
        else {
            throw SQLiteError(
                extendedCode: SQLiteError.cannotOpen,
                message: "cannot make \(path).reserve: \(Folder.reason(of: path))")
        }
        self.bytes = min(bytes, Int(volume.f_blocks) * Int(volume.f_frsize) / 4)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Writes some of the file and syncs it; true if the disk keeps it. Call it while the reserve
    /// is given up. A completely full disk is not what this checks.
    ///
    /// A quota or a thin volume may accept a write and fail the sync. The process ended after such
    /// a failure, and a start that did the same would end it again.
    func canSync() -> Bool {
        let page = [UInt8](repeating: 0, count: Self.probeBytes)
        guard pwrite(descriptor, page, page.count, 0) == page.count else {
            return errno == ENOSPC || errno == EDQUOT
        }
        guard fsync(descriptor) == 0 else { return false }
        return ftruncate(descriptor, 0) == 0
    }

    private static let probeBytes = 65_536

    /// Gives the reserve to the database; false if that was already done.
    func spend() -> Bool {
        guard !isSpent, bytes > 0 else { return false }
        isSpent = true
        return ftruncate(descriptor, 0) == 0
    }

    /// Takes the reserve again if half as much stays free beside it. Otherwise returns false, and
    /// the reserve is spent.
    func restore() -> Bool {
        guard bytes > 0 else { return true }
        let isRestored =
            posix_fallocate(descriptor, 0, off_t(bytes + bytes / 2)) == 0
            && ftruncate(descriptor, off_t(bytes)) == 0
        if !isRestored { _ = ftruncate(descriptor, 0) }
        isSpent = !isRestored
        return isRestored
    }
}
