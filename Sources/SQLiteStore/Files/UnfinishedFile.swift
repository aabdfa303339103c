public import EventStore
import Glibc
import System

/// A new file that gets its name when it is complete and synced, and is removed if it never is.
public struct UnfinishedFile: ~Copyable {
    /// The path while it is being written.
    let path: String
    private let finalPath: String
    private var isFinished = false

    /// Prepares to create the file `path`; removes what an earlier attempt left.
    init(for path: String) {
        finalPath = path
        self.path = path + ".unfinished"
        unlink(self.path)
    }

    deinit { if !isFinished { unlink(path) } }

    /// Gives the file to the owner of the one that it replaces, or of the folder.
    func giveToOwner() {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        Folder.giveToOwner(of: finalPath, descriptor)
        close(descriptor)
    }

    /// Syncs the file and renames it, replacing any file of that name.
    mutating func finish() throws(SchemaError) {
        try Self.finish(path, as: finalPath)
        isFinished = true
    }

    /// Syncs the file at `path` and renames it to `finalPath`, replacing any file of that name.
    public static func finish(_ path: String, as finalPath: String) throws(SchemaError) {
        try sync(path)
        guard rename(path, finalPath) == 0 else {
            throw .failed("Cannot rename \(path): \(SystemError.text(of: errno))")
        }
        // A name is part of the folder's content.
        try sync(Folder.name(of: finalPath))
    }

    private static func sync(_ path: String) throws(SchemaError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .failed("Cannot open \(path): \(SystemError.text(of: errno))")
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .failed("Cannot sync \(path): \(SystemError.text(of: errno))")
        }
    }
}
