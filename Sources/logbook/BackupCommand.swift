import ArgumentParser
import Glibc
import Logging
import SQLiteStore

/// `logbook backup`
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy a database into a file, even while a server writes it.",
        discussion: """
            The copy is fully checked and synced before it gets its name. With --server, the \
            server makes it, which does not slow it down, however large the file; with --database, \
            this process makes it, and the server's WAL grows meanwhile.

            Examples:
              logbook backup --server http://127.0.0.1:8080 --output /backup/logbook.db
              logbook backup --database /data/logbook.db --output /backup/logbook.db
            """)

    @Option(help: ArgumentHelp("The server that makes the copy. (default: none)", valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp("The database file to copy. (default: none)", valueName: "path"),
        completion: .file())
    var database: String?

    @Option(
        help: ArgumentHelp("The file to write; one of that name is replaced.", valueName: "path"),
        completion: .file())
    var output: String

    @Option(help: "Seconds to wait for the server to make the copy, and for each part of it.")
    var timeout = 600

    @OptionGroup
    var trust: TrustOptions

    static let valueFlags =
        ["server", "database", "output", "timeout"] + TrustOptions.valueFlags

    func validate() throws {
        guard (server == nil) != (database == nil) else {
            throw ValidationError("give either --server or --database")
        }
        try ServerOptions.check(timeout: timeout)
    }

    func run() throws {
        let logger = Logger.lines(level: .warning)
        try reportingFailures(of: server ?? database ?? "") {
            let copy = try server.map { try fetch($0, logger) } ?? copyFile(logger)
            printToStandardOutput(
                "\(output): \(copy.events) events, schema version \(copy.version), \(copy.bytes) bytes, checked"
            )
        }
    }

    private func copyFile(_ logger: Logger) throws -> DatabaseCopy {
        try DatabaseCopy.make(of: database ?? "", to: output, logger: logger)
    }

    private func fetch(_ server: String, _ logger: Logger) throws -> DatabaseCopy {
        let client = try trust.client(of: server, timeoutSeconds: timeout)
        return try DatabaseCopy.receive(as: output, logger: logger) { descriptor in
            try client.download("/backup", to: descriptor)
        }
    }
}
