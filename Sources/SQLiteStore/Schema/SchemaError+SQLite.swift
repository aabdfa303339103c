import EventStore
import SQLite

extension SchemaError {
    /// Creates the error of a failure in inspecting the file, which is the file's fault.
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
