import ArgumentParser
import EventStore
import Events
import Logging
import SQLiteStore

/// `logbook restore`
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Replace a database that no server uses with a backup.",
        discussion: """
            The backup is first copied and fully checked. The old database is kept as \
            PATH.before-TIME.

            Example: logbook restore --from /backup/logbook.db --database /data/logbook.db
            """)

    @Option(help: ArgumentHelp("The backup.", valueName: "path"), completion: .file())
    var from: String

    @Option(
        help: ArgumentHelp("The database file to replace.", valueName: "path"),
        completion: .file())
    var database: String

    static let valueFlags = ["from", "database"]

    func run() throws {
        let logger = Logger.lines(level: .warning)
        do throws(SchemaError) {
            let restored = try DatabaseCopy.restore(
                from, to: database, logger: logger, now: Timestamp.now())
            printToStandardOutput(
                "\(database): \(restored.copy.events) events, schema version \(restored.copy.version), checked"
            )
            if let old = restored.old { printToStandardOutput("The old database is \(old)") }
        } catch {
            printToStandardError(error.message)
            if case .refused = error { throw ExitCode.refused }
            throw ExitCode.failure
        }
    }
}
