import Glibc
import SQLite
import System

/// The folder of a file.
public enum Folder {
    /// `path` without links, as SQLite resolves it. Journals are beside the file itself, and so
    /// must be the lock; otherwise two links would give two locks.
    static func resolve(_ path: String) -> String {
        func real(_ path: String) -> String? {
            guard let resolved = realpath(path, nil) else { return nil }
            defer { free(resolved) }
            return String(cString: resolved)
        }
        if let whole = real(path) { return whole }
        // It does not exist yet, or cannot, and then opening it says why.
        guard let folder = real(name(of: path)),
            let last = path.utf8.split(separator: slash).last.map(Substring.init)
        else { return path }
        return folder == "/" ? "/\(last)" : "\(folder)/\(last)"
    }

    /// The folder that contains `path`. Paths are split by bytes, because a combining mark forms
    /// one character with the slash before it.
    static func name(of path: String) -> String {
        guard let end = path.utf8.lastIndex(of: slash) else { return "." }
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    private static let slash = UInt8(ascii: "/")

    /// The reason, from `errno`, that the file at `path` cannot be opened or created. It names the
    /// folder if that is missing.
    public static func reason(of path: String) -> String {
        let code = errno
        let folder = name(of: path)
        guard code == ENOENT, access(folder, F_OK) != 0 else {
            return SystemError.text(of: code)
        }
        return "there is no folder \(folder)"
    }

    /// Gives a file that root has just created beside the database at `path` to the owner of the
    /// database, or of the folder, because the service runs as another user and must be able to
    /// open it.
    static func giveToOwner(of path: String, _ descriptor: Int32) {
        var owner = stat()
        guard geteuid() == 0, stat(path, &owner) == 0 || stat(name(of: path), &owner) == 0 else {
            return
        }
        // If root may not, the file stays root's.
        _ = fchown(descriptor, owner.st_uid, owner.st_gid)
    }

    /// Syncs the names of the files beside `path`. SQLite does this when it creates a journal or a
    /// WAL but reports no failure, and a WAL without a name loses every commit.
    static func sync(of path: String) throws(SQLiteError) {
        let folder = name(of: path)
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw SQLiteError(
                extendedCode: SQLiteError.folderNotSynced,
                message: "cannot sync \(folder): \(SystemError.text(of: errno))")
        }
    }
}
