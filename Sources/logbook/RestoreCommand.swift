import ArgumentParser
import EventStore
import Events
import Logging
import SQLiteStore

/// `logbook restore`
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in place of a database that no server uses.",
        discussion: """
            The backup is copied and checked from end to end first. The database that was there stays \
            beside it, as PATH.before-TIME.

            Example: logbook restore --from /backup/logbook.db --database /data/logbook.db
            """)

    @Option(help: ArgumentHelp("The backup.", valueName: "path"), completion: .file())
    var from: String

    @Option(
        help: ArgumentHelp("The database file to put it in the place of.", valueName: "path"),
        completion: .file())
    var database: String

    static let valueFlags = ["from", "database"]

    func run() throws {
        let logger = Logger.lines(level: .warning)
        do throws(SchemaError) {
            let restored = try DatabaseCopy.restore(
                from, to: database, logger: logger, now: ServeCommand.now())
            printToStandardOutput(
                "\(database): \(restored.copy.events) events, schema version \(restored.copy.version), checked"
            )
            if let old = restored.old { printToStandardOutput("What was there is \(old)") }
        } catch {
            printToStandardError(error.message)
            if case .refused = error { throw ExitCode(Logbook.refusedExit) }
            throw ExitCode.failure
        }
    }
}
