/// What `/schema/version` says.
public struct SchemaState: Equatable, Sendable {
    /// Whether the store can be used.
    public enum Status: String, Sendable {
        case migrating, ready, failed
    }

    /// The version in force; 0 before the file has been opened.
    public var version: Int
    /// The latest version that this program knows.
    public var latest: Int
    /// Whether the store can be used.
    public var status: Status

    /// A state.
    public init(version: Int, latest: Int, status: Status) {
        self.version = version
        self.latest = latest
        self.status = status
    }
}
