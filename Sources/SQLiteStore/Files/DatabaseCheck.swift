import EventStore
import Events
import Glibc
import Logging
import SQLite

/// What a look at every page of a database, and at every value in it, has found.
public struct DatabaseCheck: Sendable {
    /// Of its schema; 0 where it could not be read.
    public let version: Int
    /// How many events it holds; 0 where they could not be read.
    public let events: Int64
    /// What is wrong, a line each; empty when nothing is.
    public let findings: [String]

    private static let mostFindings = 100

    /// Looks at the database at `path`, also while a server writes it; changes nothing.
    ///
    /// - Throws: `refused` when it is not a database of ours.
    public init(of path: String, logger: Logger) throws(SchemaError) {
        let path = Folder.resolve(path)
        try DatabaseFile.require(path)
        let lock = SharedDatabaseLock(database: path)
        guard StoreSizes.file(path) > 0 else { throw .refused("\(path) holds no database") }
        let manager = SchemaManager(lookingAt: path, logger: logger)
        var found: [String] = []
        var version = 0
        var events: Int64 = 0
        do {
            let connection = try manager.openForReading(lock)
            found = try Self.contradictions(connection)
            if found.isEmpty {
                version = try manager.identify(connection)
                events = try connection.integer("SELECT count(*) FROM events") ?? 0
                // What an older version has is looked at when it is migrated.
                if version == Migration.latest {
                    found = try StoredState.findings(connection) + EventCheck.findings(connection)
                }
            }
        } catch let error as SchemaError {
            throw error
        } catch let error as SQLiteError {
            guard error.isDamage, error.code != SQLiteError.notADatabase else {
                throw SchemaError(inspecting: path, error)
            }
            found.append(error.message)
        } catch {
            preconditionFailure("SchemaError and SQLiteError are all that is thrown here: \(error)")
        }
        findings = found
        self.version = version
        self.events = events
        withExtendedLifetime(lock) {}
    }

    /// What SQLite finds in the tables and indexes, and between them.
    private static func contradictions(_ connection: Connection) throws(SQLiteError) -> [String] {
        let check = try connection.prepare("PRAGMA integrity_check(\(mostFindings))")
        var found: [String] = []
        while try check.step() { found.append(check.text(0) ?? "") }
        return found == ["ok"] ? [] : found
    }
}
