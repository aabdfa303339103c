import Glibc
import SQLite

/// The folder of a database.
enum Folder {
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
        guard let folder = real(name(of: path)), let last = path.split(separator: "/").last else {
            return path
        }
        return folder == "/" ? "/\(last)" : "\(folder)/\(last)"
    }

    /// The folder that `path` is in.
    static func name(of path: String) -> String {
        guard let end = path.lastIndex(of: "/") else { return "." }
        return end == path.startIndex ? "/" : String(path[..<end])
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
                message: "cannot sync \(folder): \(String(cString: strerror(errno)))")
        }
    }
}
