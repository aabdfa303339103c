import Events
import Glibc
import Logging
import SQLite

/// What a look at every page of a database, and at everything in it, has found.
public struct DatabaseCheck: Sendable {
    /// Of its schema; 0 where it could not be read.
    public let version: Int
    /// How many events it holds; 0 where they could not be read.
    public let events: Int64
    /// Whether its pages have checksums.
    public let hasChecksums: Bool
    /// What is wrong, a line each; empty when nothing is.
    public let findings: [String]

    private static let mostFindings = 100
    /// How often a page is read that somebody may be writing at that moment.
    private static let attempts = 5
    private static let pause: UInt32 = 10_000

    /// Looks at the database at `path`, also while a server writes it; changes nothing.
    ///
    /// - Throws: `refused` when it is not a database of ours.
    public init(of path: String, logger: Logger, now: Timestamp) throws(SchemaError) {
        // Where nobody has the lock, nobody writes while it is held here.
        let lock = try? DatabaseLock(database: path, now: now, logger: logger)
        guard StoreSizes.file(path) > 0 else { throw .refused("\(path) holds no database") }
        let manager = SchemaManager(lookingAt: path, logger: logger)
        var found: [String] = []
        var version = 0
        var events: Int64 = 0
        var hasChecksums = false
        do {
            let connection =
                try lock == nil ? Connection(path, .readOnly) : manager.openForInspection()
            connection.keepWALOnClose()
            connection.setBusyTimeout(milliseconds: 5000)
            hasChecksums = connection.hasChecksums
            found = try Self.mismatches(connection, isWritten: lock == nil)
            if found.isEmpty { found = try Self.contradictions(connection) }
            if found.isEmpty {
                version = try manager.identify(connection)
                events = try connection.integer("SELECT count(*) FROM events") ?? 0
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
        self.hasChecksums = hasChecksums
        withExtendedLifetime(lock) {}
    }

    /// Looks through the database at `path`, which nobody may have open, and gives the pages their
    /// checksums that another program has written.
    ///
    /// - Returns: how many pages there were.
    /// - Throws: `refused` where the file is not in order, or not ours; then it has not been changed.
    public static func reseal(
        _ path: String, logger: Logger, now: Timestamp
    ) throws(SchemaError) -> Int {
        let path = Folder.resolve(path)
        guard StoreSizes.file(path) > 0 else { throw .refused("\(path) holds no database") }
        let lock = try DatabaseLock(database: path, now: now, logger: logger)
        let manager = SchemaManager(lookingAt: path, logger: logger)
        let sealed = try manager.seal()
        withExtendedLifetime(lock) {}
        return sealed
    }

    /// The pages that do not match their checksums.
    private static func mismatches(
        _ connection: Connection, isWritten: Bool
    ) throws(SQLiteError) -> [String] {
        // It opens the WAL, whose pages are newer; where it fails the pages tell why.
        do { _ = try connection.integer("SELECT count(*) FROM sqlite_master") } catch {
            guard error.isDamage else { throw error }
        }
        var found: [String] = []
        var number = 0
        while number < connection.checkablePages, found.count < mostFindings {
            number += 1
            let most = isWritten ? attempts : 1
            for attempt in 1...most {
                if try connection.checkPage(number) { break }
                if attempt < most {
                    usleep(pause)
                } else {
                    found.append("page \(number) does not match its checksum")
                }
            }
        }
        return found
    }

    /// What SQLite finds in the tables and indexes, and between them.
    private static func contradictions(_ connection: Connection) throws(SQLiteError) -> [String] {
        let check = try connection.prepare("PRAGMA integrity_check(\(mostFindings))")
        var found: [String] = []
        while try check.step() { found.append(check.text(0) ?? "") }
        return found == ["ok"] ? [] : found
    }
}
