public import EventStore
import Events
import Glibc
public import Logging
import SQLite

/// The findings of a check of every page of a database and every value in it.
public struct DatabaseCheck: Sendable {
    /// The schema version; 0 if it could not be read.
    public let version: Int
    /// The number of events; 0 if they could not be read.
    public let events: Int64
    /// The errors, one line each; empty if there are none.
    public let findings: [String]

    private static let mostFindings = 100

    /// Checks the database at `path`, even while a server writes it; changes nothing.
    ///
    /// - Throws: `refused` if it is not a Logbook database.
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
                // The content of an older version is checked when it is migrated.
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

    /// Errors that SQLite finds in the tables and indexes and between them.
    private static func contradictions(_ connection: Connection) throws(SQLiteError) -> [String] {
        let check = try connection.prepare("PRAGMA integrity_check(\(mostFindings))")
        var found: [String] = []
        while try check.step() { found.append(check.text(0) ?? "") }
        return found == ["ok"] ? [] : found
    }
}
