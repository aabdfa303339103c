import Events
import Logging
import SQLite

/// One step of the schema, from `version - 1` to `version`, in one transaction with its row in
/// `schema_version`.
struct Migration: Sendable {
    let version: Int
    /// The text for `schema_version`.
    let description: String
    /// Changes the schema; the caller holds the transaction.
    let apply: @Sendable (Connection, MigrationContext) throws(SQLiteError) -> Void

    /// The latest version that this program knows.
    static let latest = all.count
}

/// The things a migration may need besides the connection.
struct MigrationContext: Sendable {
    let logger: Logger
    let now: @Sendable () -> Timestamp
}
