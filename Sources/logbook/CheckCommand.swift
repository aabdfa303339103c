import ArgumentParser
import EventStore
import Logging
import SQLiteStore

/// `logbook check`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a database for damage, even while a server writes it.",
        discussion: """
            Reads every page, compares all tables and indexes with each other, and looks for \
            values that Logbook never writes. Changes nothing. Exit codes: 0 intact; 1 damaged, \
            with a line for each error; 3 not a database of this program.

            Example:
              logbook check --database /data/logbook.db
            """)

    @Option(help: ArgumentHelp("The database file.", valueName: "path"))
    var database: String

    static let valueFlags = ["database"]

    func run() throws {
        let logger = Logger.lines(level: .warning)
        let check: DatabaseCheck
        do throws(SchemaError) {
            check = try DatabaseCheck(of: database, logger: logger)
        } catch {
            printToStandardError(error.message)
            throw ExitCode.refused
        }
        guard check.findings.isEmpty else {
            for finding in check.findings { printToStandardOutput("\(database): \(finding)") }
            printToStandardError(
                "\(database) is damaged. docs/operations.md says what to do"
            )
            throw ExitCode.failure
        }
        printToStandardOutput(
            "\(database): intact; \(check.events) events, schema version \(check.version)")
    }
}
