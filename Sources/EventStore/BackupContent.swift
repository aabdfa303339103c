/// A verified copy of everything in a store, deleted with the last reference.
public protocol BackupContent: Sendable {
    /// The length in bytes.
    var bytes: Int64 { get }

    /// The file name to save it under.
    var fileName: StaticString { get }

    /// The media type.
    var mediaType: StaticString { get }

    /// Reads up to `count` bytes from `offset`, fewer at the end; nil if they cannot be read. May
    /// block.
    func read(at offset: Int64, _ count: Int) -> [UInt8]?
}
