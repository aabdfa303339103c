import Glibc
import SQLite

/// Room on the disk that is held for a full one: deleting, too, goes through the WAL, and moving the
/// WAL into the database may make that grow. It is a file beside the database, given back to the
/// disk when nothing else is left.
///
/// One thread at a time may use it, the writer's.
final class DiskReserve {
    private let descriptor: Int32
    let bytes: Int
    /// Whether the room has been given up, and what is left of it is for deleting alone.
    private(set) var isSpent = false

    /// Makes the file, and gives up what an earlier process held: opening a database needs a little
    /// room, too. `restore` is to follow.
    ///
    /// - Parameter bytes: of which a small volume gives a quarter at most; 0 holds nothing.
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

    /// Whether the disk keeps what is written now: writes some of the file, and syncs it. To be asked
    /// while the room is given up; a disk without any is not what this is about.
    ///
    /// A quota or a thin volume may take a write and fail the sync. After such a failure the process
    /// ended, and a start that did the same again would end it again.
    func canSync() -> Bool {
        let page = [UInt8](repeating: 0, count: Self.probeBytes)
        guard pwrite(descriptor, page, page.count, 0) == page.count else {
            return errno == ENOSPC || errno == EDQUOT
        }
        guard fsync(descriptor) == 0 else { return false }
        return ftruncate(descriptor, 0) == 0
    }

    private static let probeBytes = 65_536

    /// Gives the room to the database; false when that has been done already.
    func spend() -> Bool {
        guard !isSpent, bytes > 0 else { return false }
        isSpent = true
        return ftruncate(descriptor, 0) == 0
    }

    /// Takes the room again, if half as much remains beside it; false when it does not, and then the
    /// room is spent.
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
