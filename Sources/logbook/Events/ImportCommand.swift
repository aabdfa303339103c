import ArgumentParser
import Events
import Glibc
import JSON

/// `logbook events import`
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Store the events of a file: JSON, what Kubernetes prints, or a database.",
        discussion: """
            Events follow each other, one a line or over several, or are elements of an array, in UTF-8 or in UTF-16 \
            as PowerShell writes it. They are Logbook's own, or what kubectl prints: Events, lists of them, and what \
            --watch and --output-watch-events bring, which is sent a second after the last came, and on Ctrl-C.

            What is stored already is not stored twice, so after a break the same command goes on. \
            An event without an id gets one that is the same at each import of the same file; seq is \
            left out. A database may be of Logbook, of kube9-operator, or any whose table events has the \
            columns of version 1; it may be in use.

            Ages count from now: what is imported stays as long as what happens today. For a move between two \
            Logbooks, --keep-received-at has it age as it did there; a token then needs the scope admin.

            Examples:
              logbook events import events.ndjson
              logbook events import /old/operator.db --server http://logbook:8080
              zcat events.ndjson.gz | logbook events import -
              kubectl get events -A -o json --watch | logbook events import -
            """)

    @Argument(
        help: "The file; - is standard input.", completion: .file())
    var file = "-"

    @Flag(help: "Keep the received_at of an export or of a database, which ages are counted from.")
    var keepReceivedAt = false

    @Option(
        help: ArgumentHelp(
            "The cluster of events that name none. (default: the server's --cluster-name)",
            valueName: "name"))
    var clusterName: String?

    @Flag(help: "Print the events as they would be stored, one a line, and send nothing.")
    var dryRun = false

    @OptionGroup
    var server: ServerOptions

    @Option(
        help: "Seconds to keep trying if the server is unreachable or full. (default: 60)",
        transform: Units.wholeSeconds)
    var patience = 60

    static let valueFlags = ServerOptions.valueFlags

    func validate() throws {
        guard !file.isEmpty else { throw ValidationError("the name of the file is empty") }
        if let clusterName, !EventRules.isClusterName(clusterName) {
            throw ValidationError(
                "--cluster-name must have 1 to \(EventRules.nameCharacters) characters")
        }
        try Patience.check(patience)
    }

    /// The silence, in milliseconds, after which the items so far are sent.
    private static let longestSilence: Int32 = 1000

    private func send(_ source: ImportSource, _ upload: inout EventUpload) throws {
        while true {
            switch try source.next(patience: upload.isEmpty ? nil : Self.longestSilence) {
            case .item(let item): try upload.add(item, fraction: source.fraction)
            case .silence: try upload.send(fraction: source.fraction)
            case .end: return
            }
        }
    }

    private func show(_ source: ImportSource) throws {
        let output = StandardOutput()
        var isFailed = false
        while case .item(let item) = try source.next(patience: nil) {
            var line: [UInt8] = []
            var problem = item.problem
            if problem == nil {
                do throws(JSONError) {
                    problem = try ImportedEvent.append(
                        item, as: .stored(cluster: clusterName), keepsReceivedAt: keepReceivedAt,
                        to: &line)
                } catch {
                    problem = "\(error.message) at column \(error.column)"
                }
            }
            if let problem {
                isFailed = true
                printToStandardError("\(item.place): \(problem)")
            }
            try output.write { $0 += line }
        }
        try output.flush()
        if isFailed { throw ExitCode.failure }
    }

    func run() throws {
        try reportingFailures(of: server.server) {
            do {
                let source = try ImportSource(file)
                guard !dryRun else { return try show(source) }
                if keepReceivedAt { try source.requireReceivedTimes() }
                var upload = EventUpload(
                    try server.client(), patience: Patience(seconds: patience),
                    keepsReceivedAt: keepReceivedAt, cluster: clusterName)
                defer { upload.finish() }
                // Items read before a failure are stored.
                var failure: (any Error)?
                do { try send(source, &upload) } catch let error as EventText.Failure {
                    failure = error
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
                if source.isInterrupted { throw ExitCode(128 + SIGINT) }
                if upload.rejected > 0 { throw ExitCode.failure }
            } catch let error as EventText.Failure {
                printToStandardError("\(error)")
                throw ExitCode.failure
            }
        }
    }
}
