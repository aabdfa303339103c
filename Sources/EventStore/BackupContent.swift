/// A checked copy of all that a store keeps, gone with the last reference.
public protocol BackupContent: Sendable {
    /// Length in bytes.
    var bytes: Int64 { get }

    /// File name for whoever saves it.
    var fileName: StaticString { get }

    /// Its media type.
    var mediaType: StaticString { get }

    /// Up to `count` bytes from `offset` on, none behind the end; nil when they cannot be read. May wait.
    func read(at offset: Int64, _ count: Int) -> [UInt8]?
}
