import ArgumentParser
import Glibc

/// The program, with one file for each subcommand.
@main
struct Logbook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logbook",
        abstract: "The durable, queryable history of what happened in a cluster.",
        discussion: """
            Every flag of serve, such as --some-flag, can also be set as LOGBOOK_SOME_FLAG in the \
            environment. So can --server, --database and the other commands' flags for connections \
            and output (docs/cli.md). The command line wins.

            Exit codes: 0 done, 1 failed, 3 this version must not touch the database file, 64 \
            wrong usage.
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, EventsCommand.self, SchemaCommand.self, BackupCommand.self,
            RestoreCommand.self, CheckCommand.self, TokenCommand.self, HealthcheckCommand.self,
            KubeconfigCommand.self, CompletionsCommand.self, DemoCommand.self,
        ])

    /// Opens closed descriptors from 0 to 2 on `/dev/null`. Otherwise the database could be opened
    /// as one of them and written to as standard error.
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
        // A write to a peer that is gone returns an error. SSL_write cannot suppress the signal
        // itself.
        signal(SIGPIPE, SIG_IGN)
        do {
            let arguments = try Environment.extend(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch {
            let text = fullMessage(for: error, columns: nil)
            let code = exitCode(for: error)
            // Requested text, such as help, is not an error.
            if !text.isEmpty {
                printText(text + "\n", to: code.isSuccess ? STDOUT_FILENO : STDERR_FILENO)
            }
            Glibc.exit(code.rawValue)
        }
    }
}
