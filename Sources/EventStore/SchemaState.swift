/// The state that `/schema/version` reports.
public struct SchemaState: Equatable, Sendable {
    /// The stages of bringing a store into service.
    public enum Status: String, Sendable {
        case migrating, ready, failed
    }

    /// The version in force; 0 before the file has been opened.
    public var version: Int
    /// The latest version that this program knows.
    public var latest: Int
    /// The current stage.
    public var status: Status

    /// Creates a state.
    public init(version: Int, latest: Int, status: Status) {
        self.version = version
        self.latest = latest
        self.status = status
    }
}
