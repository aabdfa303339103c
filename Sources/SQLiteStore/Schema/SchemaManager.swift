import EventStore
public import Events
import Glibc
public import Logging
import SQLite
import System

/// Owns the schema of the database file: identifies a file, refuses foreign ones, and creates or
/// migrates the rest. Nothing else creates, alters or drops a table.
public final class SchemaManager: Sendable {
    private let path: String
    private let migrations: [Migration]
    private let backsUp: Bool
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    /// Prepares to open the file at `path`.
    ///
    /// - Parameters:
    ///   - backsUp: true to keep a copy of an existing file before it is migrated, if the disk has
    ///     space.
    ///   - now: the time that `schema_version` records.
    public convenience init(
        path: String, backsUp: Bool, logger: Logger, now: @escaping @Sendable () -> Timestamp
    ) {
        self.init(path: path, migrations: Migration.all, backsUp: backsUp, logger: logger, now: now)
    }

    /// Prepares to inspect the file at `path`, without migrations.
    convenience init(lookingAt path: String, logger: Logger) {
        self.init(
            path: path, backsUp: false, logger: logger,
            now: { preconditionFailure("looking at a file needs no time") })
    }

    /// For tests, which stop at an older version or add a newer one.
    init(
        path: String, migrations: [Migration], backsUp: Bool, logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.path = path
        self.migrations = migrations
        self.backsUp = backsUp
        self.logger = logger
        self.now = now
    }

    /// `application_id` of files from version 2 on: "LogB".
    static let applicationID: Int64 = 0x4C6F_6742

    /// The latest version that this program knows.
    public var latest: Int { migrations.count }

    // MARK: Opening

    /// Creates the file, or migrates it to the latest version.
    ///
    /// - Parameter willMigrate: called with the version of an older file before work on it begins.
    /// - Returns: the version in force.
    /// - Throws: `refused` before anything was changed, `failed` after a rollback.
    func prepare(willMigrate: (Int) -> Void) throws(SchemaError) -> Int {
        let found = try inspect()
        if found == latest {
            logger.info("Using existing database with schema version \(found)")
            return found
        }
        willMigrate(found)
        let failure = "Migrating \(path) from schema version \(found) to \(latest) failed"
        let isNew = StoreSizes.file(path) == 0
        if !isNew, backsUp { try keepCopy(of: found) }
        do {
            let connection = try open()
            for migration in migrations[found...] { try apply(migration, to: connection) }
        } catch {
            throw .failed("\(failure): \(error)")
        }
        if !isNew { logger.info("Using existing database with schema version \(latest)") }
        return latest
    }

    /// Opens the connection that migrates.
    private func open() throws(SQLiteError) -> Connection {
        let connection = try Connection(path, .create)
        connection.setBusyTimeout(milliseconds: 5000)
        // Sorting for an index may need more space than memory has.
        try connection.execute(
            "PRAGMA synchronous=FULL; PRAGMA temp_store=FILE; PRAGMA secure_delete=OFF")
        if latest > 1, try connection.integer("SELECT count(*) FROM sqlite_master") == 0 {
            // This is free only before the first table exists:
            // https://sqlite.org/pragma.html#pragma_auto_vacuum
            try connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        }
        return connection
    }

    private func apply(
        _ migration: Migration, to connection: Connection
    ) throws(SQLiteError) {
        try connection.transaction { () throws(SQLiteError) in
            try migration.apply(connection, MigrationContext(logger: logger, now: now))
            let record = try connection.prepare(
                "INSERT INTO schema_version (version, applied_at, description) VALUES (?, ?, ?)")
            try record.bind(1, Int64(migration.version))
            try record.bind(2, now().text)
            try record.bind(3, migration.description)
            try record.run()
        }
        if migration.version == 1 {
            logger.info("Database initialized successfully with schema version 1")
        } else {
            logger.info("Migrated to schema version \(migration.version): \(migration.description)")
        }
    }

    /// The free bytes of the file's disk.
    private func freeBytes() throws(SchemaError) -> UInt64 {
        var volume = statvfs()
        guard statvfs(path, &volume) == 0 else {
            throw .failed("Cannot look at \(path): \(SystemError.text(of: errno))")
        }
        return UInt64(volume.f_bavail) * UInt64(volume.f_frsize)
    }

    /// Keeps a copy as `<file>.v<N>.bak`, unless the disk has no space for it.
    private func keepCopy(of version: Int) throws(SchemaError) {
        let copy = "\(path).v\(version).bak"
        let unfinished = copy + ".unfinished"
        // For the copy, the new tables, and the journal of each changed page.
        let wanted = UInt64(StoreSizes.file(path) + StoreSizes.file(path + "-wal")) * 4
        guard try freeBytes() > wanted else {
            logger.warning(
                "Migrating without keeping a copy of the database, because the disk has less than \(wanted) bytes free"
            )
            return
        }
        do {
            unlink(unfinished)
            try Connection(path, .readWrite).backUp(to: unfinished)
        } catch {
            unlink(unfinished)
            throw .failed(
                "The copy before the migration failed, so nothing was migrated: \(error)")
        }
        guard rename(unfinished, copy) == 0 else {
            throw .failed("Cannot rename \(unfinished): \(SystemError.text(of: errno))")
        }
        do { try Folder.sync(of: copy) } catch { throw .failed("Cannot keep \(copy): \(error)") }
        logger.info("Kept a copy of schema version \(version) as \(copy)")
    }

    // MARK: Looking, without touching

    /// Larger files are checked page by page only before a migration, which takes its time anyway.
    private static let checkedAtEveryStart: Int64 = 8 * 1024 * 1024

    /// The version of the file; 0 if there is none yet.
    ///
    /// - Throws: `refused` for a file that is newer, damaged, not a database, or another program's.
    func inspect() throws(SchemaError) -> Int {
        try inspect { connection in
            let version = try identify(connection)
            if version == Migration.latest, let wrong = try StoredState.findings(connection).first {
                throw SQLiteError(extendedCode: SQLiteError.corrupt, message: wrong)
            }
            if version < latest || StoreSizes.file(path) <= Self.checkedAtEveryStart {
                try connection.check(.quick)
            }
            return version
        }
    }

    /// Checks that events can be imported from the file, whichever program wrote it. Its `events`
    /// table must have the columns of version 1 and may have more.
    func inspectForImport() throws(SchemaError) {
        _ = try inspect { connection in
            let columns = try Self.columns(of: "events", connection, stored: true)
            guard !columns.contains(where: { $0.lowercased() == "rowid" }) else {
                throw SchemaError.refused(
                    "\(path) has a column rowid in its table events, which hides the row numbers; it cannot be imported"
                )
            }
            let missing = EventField.version1.map { "\($0.name)" }.filter { !columns.contains($0) }
            guard missing.isEmpty else {
                throw SchemaError.refused(
                    "\(path) has no table events with the columns \(EventTable.version1Fields); missing: "
                        + missing.joined(separator: ", "))
            }
            return 0
        }
    }

    /// Opens the file for `body` to inspect; 0 if there is none.
    private func inspect(_ body: (Connection) throws -> Int) throws(SchemaError) -> Int {
        var file = stat()
        guard stat(path, &file) == 0 else {
            if errno == ENOENT { return 0 }
            throw .refused("Cannot look at \(path): \(SystemError.text(of: errno))")
        }
        guard file.st_mode & S_IFMT == S_IFREG else { throw .refused("\(path) is not a file") }
        guard file.st_size > 0 else { return 0 }
        do {
            // SQLite takes a one-byte file for an empty one (unixFileSize in os_unix.c).
            guard file.st_size > 1 else {
                throw SQLiteError(extendedCode: SQLiteError.notADatabase, message: "one byte")
            }
            try refuseForeignBehindJournal()
            let connection = try openForInspection()
            connection.keepWALOnClose()
            return try body(connection)
        } catch let error as SchemaError {
            throw error
        } catch let error as SQLiteError {
            throw SchemaError(inspecting: path, error)
        } catch {
            preconditionFailure("SchemaError and SQLiteError are all that is thrown here: \(error)")
        }
    }

    /// The version of the open file. Refuses a foreign file.
    func identify(_ connection: Connection) throws -> Int {
        let version = try recordedVersion(connection)
        if let reason = try unexplained(connection, version: version) {
            throw SchemaError.refused(reason)
        }
        return version
    }

    /// Opening a file with a journal replays it and so changes a file that may not be ours. So it
    /// is first inspected as it is.
    private func refuseForeignBehindJournal() throws(SchemaError) {
        guard StoreSizes.file(path + "-journal") > 0 else { return }
        do {
            let connection = try Connection(path, .immutable)
            let version = try recordedVersion(connection)
            // An interrupted migration of ours may have left its version but not yet the header
            // with application_id. Such a file can be told from another program's only after a
            // rollback.
            let application = try connection.integer("PRAGMA application_id")
            if application == 0, version <= latest { return }
            if let reason = try notOurs(connection, version) { throw SchemaError.refused(reason) }
        } catch let error as SchemaError {
            throw error
        } catch {
            // A file that is unreadable in the middle of a transaction may be readable after a
            // rollback.
            logger.info(
                "The database was left in the middle of a transaction, which is rolled back")
        }
    }

    /// The reason that a file of this version is not ours, or is a newer one of ours, by its header
    /// and tables; nil if it is ours.
    private func notOurs(_ connection: Connection, _ version: Int) throws(SQLiteError) -> String? {
        let application = try connection.integer("PRAGMA application_id") ?? 0
        if application == Self.applicationID {
            guard version > latest else { return nil }
            return
                "\(path) has schema version \(version), and this program knows versions up to \(latest); the file was "
                + "left as it is. Run a newer logbook, or restore a copy from before the upgrade."
        }
        guard application == 0 else {
            return
                "\(path) is another program's (application_id \(application)); it was left as it is."
        }
        guard version > 1 else { return nil }
        let isOfEarlierBuild = try Self.columns(of: "events", connection).first == "seq"
        return
            (isOfEarlierBuild
            ? "\(path) has schema version \(version) of a build of Logbook from before its first release"
            : "\(path) has schema version \(version) of another program, kube9-operator it seems, which is not Logbook's version \(version)")
            + "; it was left as it is. Start with a new file and import the events: logbook events import '\(path)'."
    }

    /// A closed file is read without so much as a lock beside it. One that a killed process left
    /// with a journal is first recovered by SQLite, which only a writer can do.
    func openForInspection() throws(SQLiteError) -> Connection {
        if StoreSizes.file(path + "-journal") > 0 { return try Connection(path, .readWrite) }
        guard StoreSizes.file(path + "-wal") > 0 else { return try Connection(path, .immutable) }
        var index = stat()
        if stat(path + "-shm", &index) == 0 { return try Connection(path, .readOnly) }
        // Nobody has the file open, and the WAL's index is kept in memory, not in a new file:
        // https://sqlite.org/wal.html#use_of_wal_without_shared_memory
        let connection = try Connection(path, .readWrite)
        try connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        return connection
    }

    /// Opens the file for reading only, with or without a server that writes it.
    func openForReading(_ lock: SharedDatabaseLock) throws(SQLiteError) -> Connection {
        let connection =
            try lock.isWritten ? Connection(path, .readOnly) : openForInspection()
        connection.keepWALOnClose()
        connection.setBusyTimeout(milliseconds: 5000)
        return connection
    }

    private func recordedVersion(_ connection: Connection) throws(SQLiteError) -> Int {
        let hasTable = try connection.integer(
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version' COLLATE NOCASE"
        )
        guard hasTable == 1 else { return 0 }
        guard try Self.columns(of: "schema_version", connection).contains("version") else {
            return 0
        }
        return Int(
            try connection.integer("SELECT coalesce(max(version), 0) FROM schema_version") ?? 0)
    }

    /// The reason the file is not ours to open; nil if it is.
    private func unexplained(_ connection: Connection, version: Int) throws(SQLiteError) -> String?
    {
        if let reason = try notOurs(connection, version) { return reason }
        guard version >= 0 else { return "\(path) says that its schema version is \(version)" }
        let taken = try connection.text(
            """
            SELECT type || ' named ' || name FROM sqlite_master
            WHERE type IN ('view', 'index') AND lower(name) IN ('events', 'schema_version')
            """)
        if let taken { return "\(path) has the \(taken), which is not ours" }
        let ledger = try Self.columns(of: "schema_version", connection)
        guard ledger.isEmpty || ledger == ["version", "applied_at", "description"] else {
            return
                "\(path) has a table schema_version that is not ours (columns \(ledger.joined(separator: ", ")))"
        }
        let columns = try Self.columns(of: "events", connection)
        let expected = version >= 2 ? Self.ownColumns : EventField.version1.map { "\($0.name)" }
        guard columns == expected || (columns.isEmpty && version == 0) else {
            let found =
                columns.isEmpty ? "no such table" : "the columns \(columns.joined(separator: ", "))"
            return
                "\(path) is at schema version \(version), whose table events has the columns "
                + "\(expected.joined(separator: ", ")); found \(found). The file was left as it is."
        }
        // A file without a version record may have some tables of version 1.
        let foreign = try SchemaComparison.difference(
            connection, from: migrations.prefix(max(version, 1)),
            MigrationContext(logger: logger, now: { Timestamp.storable.lowerBound }),
            isWhole: version >= 2)
        return foreign.map {
            "\(path) has \($0), unlike a file that Logbook made; it was left as it is. Fix it with sqlite3, or import the events into a new file: logbook events import '\(path)'."
        }
    }

    /// The columns of the table of events from version 2 on, in order.
    private static let ownColumns = [
        "seq", "id", "event_type", "severity", "title", "object_kind", "object_namespace",
        "object_name", "cluster", "reason", "occurrences", "fold_key", "received_at", "created_at",
        "description", "metadata",
    ]

    /// The names of a table's columns, in order; empty if there is no such table or it is virtual.
    ///
    /// - Parameter stored: true to leave out columns that are computed on reading.
    static func columns(
        of table: String, _ connection: Connection, stored: Bool = false
    ) throws(SQLiteError) -> [String] {
        let names = try connection.prepare(
            """
            SELECT c.name FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c
            WHERE t.type = 'table' AND t.rootpage > 0 AND t.name = ?1 COLLATE NOCASE
              AND (c.hidden = 0 OR NOT ?2) ORDER BY c.cid
            """)
        try names.bind(1, table)
        try names.bind(2, stored ? 1 : 0)
        var found: [String] = []
        while try names.step() { found.append(names.text(0) ?? "") }
        return found
    }
}

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
