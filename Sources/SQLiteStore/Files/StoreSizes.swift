import Glibc

/// Bytes of a store's files and of their volume.
public struct StoreSizes: Equatable, Sendable {
    /// The database file.
    public var database: Int64 = 0
    /// The part of it in empty pages.
    public var free: Int64 = 0
    /// The WAL file.
    public var wal: Int64 = 0
    /// The volume.
    public var volume: Int64 = 0
    /// The part of it that an unprivileged process may still write.
    public var volumeFree: Int64 = 0

    /// Bytes of the database at `path` and of its WAL.
    static func files(_ path: String) -> (database: Int64, wal: Int64) {
        (file(path), file(path + "-wal"))
    }

    /// Bytes of the file at `path`; 0 if there is none.
    static func file(_ path: String) -> Int64 {
        var file = stat()
        return stat(path, &file) == 0 ? Int64(file.st_size) : 0
    }
}
