import ArgumentParser
import JSON

/// `logbook events import`
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Store the events of a file: NDJSON, a JSON array, or a database.",
        discussion: """
            What is stored already is not stored twice, so after a break the same command goes on. \
            An event without an id gets one that is the same at each import of the same file; seq is \
            left out. A database may be of Logbook, of kube9-operator, or any whose table events has the \
            columns of version 1; it may be in use.

            Ages count from now: what is imported stays as long as what happens today. For a move between two \
            Logbooks, --keep-received-at has it age as it did there; a token then needs the scope admin.

            Examples:
              logbook events import events.ndjson
              logbook events import /old/operator.db --server https://logbook:8443 --ca ca.pem
              zcat events.ndjson.gz | logbook events import -
            """)

    @Argument(
        help: "The file; - is standard input.", completion: .file())
    var file = "-"

    @Flag(help: "Keep the received_at of an export or of a database, which ages are counted from.")
    var keepReceivedAt = false

    @OptionGroup
    var server: ServerOptions

    @Option(help: "Seconds to keep trying if the server is unreachable or full.")
    var patience = 60

    static let valueFlags = ServerOptions.valueFlags

    func validate() throws {
        guard !file.isEmpty else { throw ValidationError("the name of the file is empty") }
        try Patience.check(patience)
    }

    func run() throws {
        try reportingFailures(of: server.server) {
            do {
                let source = try ImportSource(file)
                if keepReceivedAt { try source.requireReceivedTimes() }
                var upload = EventUpload(
                    try server.client(), patience: Patience(seconds: patience),
                    keepsReceivedAt: keepReceivedAt)
                defer { upload.finish() }
                // Items read before a failure are stored.
                var failure: (any Error)?
                while true {
                    var item: ImportSource.Item?
                    do { item = try source.next() } catch { failure = error }
                    guard let item else { break }
                    try upload.add(item, fraction: source.fraction)
                }
                try upload.send(fraction: 1)
                upload.finish()
                printToStandardOutput(
                    "accepted \(upload.accepted), duplicates \(upload.duplicates), rejected \(upload.rejected)"
                )
                if upload.expired > 0 {
                    printToStandardError(
                        "\(upload.expired) of them are past the age that the server keeps them for, and are removed within minutes"
                    )
                } else if !keepReceivedAt, upload.accepted > 0 {
                    printToStandardError("Their ages count from now.")
                }
                if let failure { throw failure }
                if upload.rejected > 0 { throw ExitCode.failure }
            } catch let error as JSONItems.Failure {
                printToStandardError("\(error)")
                throw ExitCode.failure
            }
        }
    }
}
