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

    /// The answer of a store that is not open.
    package var refusal: StoreError {
        switch status {
        case .migrating: .unavailable("the database is being opened or migrated")
        case .failed: .unavailable("the database could not be brought to its latest version")
        case .ready: .shutdown
        }
    }
}

/// The reason that a database is not brought into service.
public enum SchemaError: Error, Equatable, Sendable {
    /// This program must not touch the file, and has not changed it. The text says what was found
    /// and what to do.
    case refused(String)
    /// Work on the file failed and was rolled back. The file is still at its old version.
    case failed(String)

    /// The text, for people.
    public var message: String {
        switch self {
        case .refused(let message), .failed(let message): message
        }
    }
}
