/// The reason that a database is not brought into service.
public enum SchemaError: Error, Equatable, Sendable {
    /// The file is not one that this program may touch; it has not been changed. The text says what
    /// was found and what to do.
    case refused(String)
    /// Work on the file failed and was rolled back; the file is at the version it had.
    case failed(String)

    /// The text, for people.
    public var message: String {
        switch self {
        case .refused(let message), .failed(let message): message
        }
    }
}
