public import EventStore
import Glibc
import System

/// A verified copy of the database, open for reading. It no longer has a name, so it is gone with
/// the last reference, even if the process is killed.
public final class BackupFile: BackupContent {
    private let descriptor: Int32
    private let onClose: @Sendable () -> Void
    /// The facts about it.
    public let copy: DatabaseCopy

    init(
        taking path: String, _ copy: DatabaseCopy, onClose: @escaping @Sendable () -> Void
    ) throws(SchemaError) {
        self.copy = copy
        self.onClose = onClose
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .failed("Cannot open \(path): \(SystemError.text(of: errno))")
        }
        unlink(path)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        onClose()
    }

    /// The length of the copy.
    public var bytes: Int64 { copy.bytes }
    /// The file name to save it under.
    public var fileName: StaticString { "logbook.db" }
    /// SQLite's media type: https://www.iana.org/assignments/media-types/application/vnd.sqlite3
    public var mediaType: StaticString { "application/vnd.sqlite3" }

    /// Reads up to `count` bytes from `offset`, fewer at the end; nil if they cannot be read.
    public func read(at offset: Int64, _ count: Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let result = pread(descriptor, buffer.baseAddress!, count, off_t(offset))
            failed = result < 0
            filled = max(0, result)
        }
        return failed ? nil : bytes
    }
}
