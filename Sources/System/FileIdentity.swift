import Glibc

/// A mark that differs once a file has been replaced or rewritten.
package struct FileIdentity: Equatable, Sendable {
    private let device, inode: UInt64
    private let size, seconds, nanoseconds: Int

    /// Reads the identity of the file that `path` leads to now; a missing file has one too.
    package init(_ path: String) {
        var file = stat()
        guard stat(path, &file) == 0 else {
            (device, inode, size, seconds, nanoseconds) = (0, 0, 0, 0, 0)
            return
        }
        device = UInt64(file.st_dev)
        inode = UInt64(file.st_ino)
        size = Int(file.st_size)
        seconds = file.st_mtim.tv_sec
        nanoseconds = file.st_mtim.tv_nsec
    }
}
