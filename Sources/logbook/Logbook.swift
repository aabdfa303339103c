import ArgumentParser

/// The program: one subcommand a file.
@main
struct Logbook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logbook",
        abstract: "The durable, queryable history of what happened in a cluster.",
        discussion: """
            Every flag --some-flag of a subcommand can be given as LOGBOOK_SOME_FLAG in the \
            environment, too; the flag wins.

            Exit codes: 0 done, 1 failed, 3 the database file is not to be touched by this \
            version, 64 wrong usage.
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, BackupCommand.self, RestoreCommand.self, HealthcheckCommand.self,
        ])

    /// How the program ends when it must not touch a database file.
    static let refusedExit: Int32 = 3

    static func main() {
        let arguments = Environment.extend(Array(CommandLine.arguments.dropFirst()))
        main(arguments)
    }
}
