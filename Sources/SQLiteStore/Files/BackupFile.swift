import EventStore
import Glibc
import System

/// A checked copy of the database, open for reading; it has no name any more and is gone with the
/// last reference, also when the process is killed.
public final class BackupFile: BackupContent {
    private let descriptor: Int32
    private let onClose: @Sendable () -> Void
    /// What is known of it.
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

    /// How long the copy is.
    public var bytes: Int64 { copy.bytes }
    /// What it is called where it is saved.
    public var fileName: StaticString { "logbook.db" }
    /// Of SQLite's files: https://www.iana.org/assignments/media-types/application/vnd.sqlite3
    public var mediaType: StaticString { "application/vnd.sqlite3" }

    /// Up to `count` bytes from `offset` on, none behind the end; nil when they cannot be read.
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
