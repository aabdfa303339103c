import Glibc

/// A new file that gets its name once it is whole and synced, and is removed if it never is.
struct UnfinishedFile: ~Copyable {
    /// Where it is made.
    let path: String
    private let finalPath: String
    private var isFinished = false

    /// Prepares to make the file `path`; what an earlier attempt left is removed.
    init(for path: String) {
        finalPath = path
        self.path = path + ".unfinished"
        unlink(self.path)
    }

    deinit { if !isFinished { unlink(path) } }

    /// Gives it the permissions of the file at `other`, and its owner where this process may.
    func keepOwnership(of other: String) throws(SchemaError) {
        var file = stat()
        guard stat(other, &file) == 0,
            chown(path, file.st_uid, file.st_gid) == 0 || errno == EPERM,
            chmod(path, file.st_mode & 0o7777) == 0
        else {
            throw .failed(
                "Cannot give \(path) the permissions of \(other): \(String(cString: strerror(errno)))"
            )
        }
    }

    /// Syncs the file and gives it its name, replacing what has it.
    mutating func finish() throws(SchemaError) {
        try Self.sync(path)
        guard rename(path, finalPath) == 0 else {
            throw .failed("Cannot rename \(path): \(String(cString: strerror(errno)))")
        }
        isFinished = true
        let slash = finalPath.lastIndex(of: "/")
        let folder = slash.map { $0 == finalPath.startIndex ? "/" : String(finalPath[..<$0]) }
        // A name is the folder's content.
        try Self.sync(folder ?? ".")
    }

    static func sync(_ path: String) throws(SchemaError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .failed("Cannot open \(path): \(String(cString: strerror(errno)))")
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .failed("Cannot sync \(path): \(String(cString: strerror(errno)))")
        }
    }
}
