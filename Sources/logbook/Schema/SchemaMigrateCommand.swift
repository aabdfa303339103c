import ArgumentParser
import Events
import Glibc
import Logging
import SQLiteStore

/// `logbook schema migrate`
struct SchemaMigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Migrate a database file that no server uses to the latest version.",
        discussion: """
            A server does the same when it starts. Each migration is one transaction: if it is \
            killed, the file has the old version or the new one. A copy of the file is kept as \
            PATH.vN.bak if the disk has space.

            Examples:
              logbook schema migrate --database /data/logbook.db --dry-run
              logbook schema migrate --database /data/logbook.db
            """)

    @Option(
        help: ArgumentHelp("The database file.", valueName: "path"), completion: .file())
    var database: String

    @Flag(help: "Only print what would be done; change nothing.")
    var dryRun = false

    @Option(
        help: "Keep a copy of the file before migrating it, if the disk has space (true or false).")
    var backupBeforeMigrate = true

    @Option(
        help: "Seconds to wait for another process to release the database. (default: 5.0)",
        transform: Units.seconds)
    var lockTimeout = 5.0

    @Option(
        help: "Open a database on a network file system, where it may lose events (true or false).")
    var allowNetworkFilesystem = false

    static let valueFlags = [
        "database", "backup-before-migrate", "lock-timeout", "allow-network-filesystem",
    ]

    func validate() throws {
        guard (0...3600).contains(lockTimeout) else {
            throw ValidationError("--lock-timeout must be from 0 to 3600")
        }
    }

    func run() throws {
        let logger = Logger.lines(level: .info)
        try reportingFailures(of: database) {
            let found = try look(logger)
            guard !dryRun else { return }
            var configuration = StoreConfiguration(path: database)
            configuration.backsUpBeforeMigration = backupBeforeMigrate
            configuration.lockTimeout = .seconds(lockTimeout)
            configuration.allowsNetworkFileSystem = allowNetworkFilesystem
            // The folder where SQLite sorts and vacuums. Other places may have no space, or not be
            // writable.
            setenv("SQLITE_TMPDIR", configuration.folder, 0)
            let version = try SQLiteRepository(configuration, logger: logger, now: Timestamp.now)
                .migrate()
            printToStandardOutput(
                "\(database): schema version \(version)\(version == found ? ", as before" : "")")
        }
    }

    /// Inspects the file, which must exist, and returns its version.
    private func look(_ logger: Logger) throws -> Int {
        let file = try DatabaseFile(database, logger: logger)
        guard dryRun else { return file.version }
        let pending = file.pendingMigrations
        printToStandardOutput(
            "\(database): schema version \(file.version), \(pending.count) migrations to do")
        for migration in pending {
            printToStandardOutput("\(migration.version)  \(migration.description)")
        }
        return file.version
    }
}
