import ArgumentParser
import EventStore
import Logging

/// `logbook check`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for damage in a database, also while a server writes it.",
        discussion: """
            Reads every page and compares it with its checksum, then holds all tables and indexes \
            against each other. Changes nothing. Exit codes: 0 whole, 1 damaged, with a line for \
            each finding, 3 not a database of this program.

            What another program has written, on purpose, has no checksums, and is taken for damage. \
            Where all tables and indexes agree, --reseal gives such pages theirs; no server may run. \
            Damage within a value cannot be told any more then.

            Examples:
              logbook check --database /data/logbook.db
              logbook check --database /data/logbook.db --reseal
            """)

    @Option(help: ArgumentHelp("The database file.", valueName: "path"))
    var database: String

    @Flag(help: "Give pages their checksums that another program has written.")
    var reseal = false

    static let valueFlags = ["database"]

    func run() throws {
        let logger = Logger.lines(level: .warning)
        let check: DatabaseCheck
        do throws(SchemaError) {
            if reseal {
                let sealed = try DatabaseCheck.reseal(
                    database, logger: logger, now: ServeCommand.now())
                print("\(database): \(sealed) pages sealed")
            }
            check = try DatabaseCheck(of: database, logger: logger, now: ServeCommand.now())
        } catch {
            printToStandardError(error.message)
            throw ExitCode(Logbook.refusedExit)
        }
        guard check.findings.isEmpty else {
            for finding in check.findings { print("\(database): \(finding)") }
            printToStandardError(
                "\(database) is damaged, or another program has written to it. docs/operations.md says what to do"
            )
            throw ExitCode.failure
        }
        let checksums = check.hasChecksums ? "every page matches its checksum" : "no checksums"
        print(
            "\(database): whole; \(check.events) events, schema version \(check.version), \(checksums)"
        )
    }
}
