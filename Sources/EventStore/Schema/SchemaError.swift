import SQLite

/// Why a database is not brought into service.
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

    /// A failure of SQLite while the file is only being looked at: it is the file's.
    init(inspecting path: String, _ error: SQLiteError) {
        self = .refused(
            error.code == SQLiteError.notADatabase
                ? "\(path) is not an SQLite database; it was left as it is. Name another file, or move this one away."
                : !error.isDamage
                    ? "\(path) cannot be read: \(error)"
                    : "\(path) is damaged (\(error.message)); it was left as it is. Restore a copy, or try "
                        + "'sqlite3 FILE .recover'.")
    }
}
