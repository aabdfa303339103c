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
