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

            In the name of the output, % begins a part of the time, as in date(1): \
            logbook-%F.db makes a new file each day, and logbook-%a.db keeps one for each day of \
            the week. %% is a percent sign.

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

    @Option(
        help:
            "Seconds to wait for the server to make the copy, and for each part of it. (default: 600)",
        transform: Units.wholeSeconds)
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
        let output = try expandedOutput()
        let logger = Logger.lines(level: .warning)
        try reportingFailures(of: server ?? database ?? "") {
            let copy =
                try server.map { try fetch($0, to: output, logger) } ?? copyFile(to: output, logger)
            printToStandardOutput(
                "\(output): \(copy.events) events, schema version \(copy.version), \(copy.bytes) bytes, checked"
            )
        }
    }

    /// The name of the output, with the parts of the local time that it asks for.
    private func expandedOutput() throws -> String {
        guard output.utf8.contains(UInt8(ascii: "%")) else { return output }
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        let expanded = String(unsafeUninitializedCapacity: Int(PATH_MAX)) { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                strftime($0.baseAddress, $0.count, output, &parts)
            }
        }
        guard !expanded.isEmpty, !expanded.hasSuffix("/") else {
            throw ValidationError("--output '\(output)' does not become the name of a file")
        }
        return expanded
    }

    private func copyFile(to output: String, _ logger: Logger) throws -> DatabaseCopy {
        try DatabaseCopy.make(of: database ?? "", to: output, logger: logger)
    }

    private func fetch(
        _ server: String, to output: String, _ logger: Logger
    ) throws -> DatabaseCopy {
        let client = try trust.client(of: server, timeoutSeconds: timeout)
        return try DatabaseCopy.receive(as: output, logger: logger) { descriptor in
            try client.download("/backup", to: descriptor)
        }
    }
}
