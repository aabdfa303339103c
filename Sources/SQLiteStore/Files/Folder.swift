import Glibc
import SQLite
import System

/// The folder of a file.
public enum Folder {
    /// `path` without links, as SQLite has it: its journals stand beside the file itself, and so must
    /// the lock, or two links would give two locks.
    static func resolve(_ path: String) -> String {
        func real(_ path: String) -> String? {
            guard let resolved = realpath(path, nil) else { return nil }
            defer { free(resolved) }
            return String(cString: resolved)
        }
        if let whole = real(path) { return whole }
        // Not there yet; or it cannot be, and opening it will say why.
        guard let folder = real(name(of: path)),
            let last = path.utf8.split(separator: slash).last.map(Substring.init)
        else { return path }
        return folder == "/" ? "/\(last)" : "\(folder)/\(last)"
    }

    /// The folder that `path` is in. Paths are split by bytes: a combining mark makes one character
    /// with the slash before it.
    static func name(of path: String) -> String {
        guard let end = path.utf8.lastIndex(of: slash) else { return "." }
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    private static let slash = UInt8(ascii: "/")

    /// The reason from `errno`, why the file at `path` cannot be opened or made; it names the folder
    /// when that is what is missing.
    public static func reason(of path: String) -> String {
        let code = errno
        let folder = name(of: path)
        guard code == ENOENT, access(folder, F_OK) != 0 else {
            return SystemError.text(of: code)
        }
        return "there is no folder \(folder)"
    }

    /// Gives what root has just made beside the database at `path` to the owner of that, or of the
    /// folder: the service, which is another user, must be able to open it.
    static func giveToOwner(of path: String, _ descriptor: Int32) {
        var owner = stat()
        guard geteuid() == 0, stat(path, &owner) == 0 || stat(name(of: path), &owner) == 0 else {
            return
        }
        // Where root may not, the file stays root's.
        _ = fchown(descriptor, owner.st_uid, owner.st_gid)
    }

    /// Syncs the names of the files beside `path`. SQLite does so too, when it makes a journal or a
    /// WAL, but says nothing when that fails; and a WAL without a name loses every commit.
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
