import ArgumentParser
import Glibc

/// The program: one subcommand a file.
@main
struct Logbook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logbook",
        abstract: "The durable, queryable history of what happened in a cluster.",
        discussion: """
            Every flag --some-flag of serve can be given as LOGBOOK_SOME_FLAG in the environment, \
            too, and so can --server, --database and what else tells the other commands whom to \
            ask and how to answer (docs/cli.md); the flag wins.

            Exit codes: 0 done, 1 failed, 3 the database file is not to be touched by this \
            version, 64 wrong usage.
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, EventsCommand.self, SchemaCommand.self, BackupCommand.self,
            RestoreCommand.self, CheckCommand.self, TokenCommand.self, HealthcheckCommand.self,
            CompletionsCommand.self,
        ])

    /// How the program ends when it must not touch a database file.
    static let refusedExit: Int32 = 3

    /// Opens descriptors 0 to 2 that are closed on `/dev/null`: the database must not be opened as one of
    /// them, and written to as standard error.
    private static func openStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO
        where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // open(2): "the lowest-numbered file descriptor not currently open".
            let opened = open("/dev/null", O_RDWR)
            precondition(opened == descriptor, "/dev/null can be opened")
        }
    }

    static func main() {
        openStandardDescriptors()
        // A peer that is gone is an error of the write to it; SSL_write has no way to say so.
        signal(SIGPIPE, SIG_IGN)
        do {
            let arguments = try Environment.extend(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch {
            let text = fullMessage(for: error, columns: nil)
            let code = exitCode(for: error)
            // A text that was asked for, such as help, is no error.
            if !text.isEmpty {
                printText(text + "\n", to: code.isSuccess ? STDOUT_FILENO : STDERR_FILENO)
            }
            Glibc.exit(code.rawValue)
        }
    }
}
