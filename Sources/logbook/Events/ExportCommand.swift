import ArgumentParser
import CLinux
import Events
import JSON

/// `logbook events export`
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write all events that the filters match, oldest first.",
        discussion: """
            With --output, the file gets its name only when it is complete; until then it is \
            FILE.unfinished, and FILE.position holds the progress. After an interruption, the same \
            command resumes there.

            Examples:
              logbook events export --output events.ndjson
              logbook events export --since 7d --severity error --format csv > errors.csv
              logbook events export --database /data/logbook.db --output events.ndjson
            """)

    @OptionGroup
    var source: SourceOptions

    @OptionGroup
    var filters: FilterOptions

    @Option(
        help: ArgumentHelp("The file to write. (default: standard output)", valueName: "path"),
        completion: .file())
    var output: String?

    @Flag(help: "Read times in UTC, not in local time.")
    var utc = false

    @Option(name: .format, help: "json, one object on each line, which import reads; yaml; or csv.")
    var format = ExportFileFormat.json

    @Option(
        help: "Seconds to keep trying if the server is unreachable. (default: 60)",
        transform: Units.wholeSeconds)
    var patience = 60

    static let valueFlags = SourceOptions.valueFlags

    /// The most events on a page.
    private static let pageEvents = 1000
    /// Nanoseconds between two saved positions, because each waits for the disk.
    private static let noteInterval: UInt64 = 1_000_000_000

    func validate() throws { try Patience.check(patience) }

    func run() throws {
        try reportingFailures(of: source.subject) {
            do { try export() } catch let error as ExportFile.Failure {
                printToStandardError("\(error)")
                throw ExitCode.failure
            }
        }
    }

    private func export() throws {
        let filters = try filters.parameters(Clock(isUTC: utc))
        let parameters =
            filters + [("order", SortOrder.asc.rawValue), ("limit", "\(Self.pageEvents)")]
        let target = EventSource.target("\(source.subject) \(format.rawValue)", parameters)
        let file = try output.map { try ExportFile($0, subject: target) }
        let source = try source.open()
        let standardOutput = StandardOutput()
        var cursor = file?.resumed?.cursor
        var count = file?.resumed?.events ?? 0
        if let resumed = file?.resumed {
            printToStandardError("\(output ?? ""): resuming after \(resumed.events) events")
        }
        var progress = Progress(earlier: count)
        let total = progress.isShown ? source.count(filters) : nil
        defer { progress.finish() }
        let patience = Patience(seconds: patience)
        var noted = clinux_monotonic_nanoseconds()
        var page: [UInt8] = []
        repeat {
            page.removeAll(keepingCapacity: true)
            if count == 0, format == .csv { CSV.appendHeader(to: &page) }
            let before = (page.count, count)
            // A page is the same when requested again.
            cursor = try patience.retrying {
                page.removeLast(page.count - before.0)
                count = before.1
                let query = parameters + (cursor.map { [("cursor", $0)] } ?? [])
                return try source.page(query) { json in
                    try append(json, to: &page)
                    count += 1
                }
            }
            if let file {
                try file.append(page)
                let now = clinux_monotonic_nanoseconds()
                if let cursor, now - noted >= Self.noteInterval {
                    try file.note(cursor, events: count)
                    noted = now
                }
            } else {
                try standardOutput.write { $0 += page }
            }
            // Events that arrive meanwhile count too.
            progress.show(count, fraction: total.map { min(1, Double(count) / Double(max(1, $0))) })
        } while cursor != nil
        try standardOutput.flush()
        progress.finish()
        guard let file, let output else { return }
        try file.finish()
        printToStandardOutput("\(output): \(count) events, \(file.bytes) bytes")
    }

    private func append(_ json: UnsafeRawBufferPointer, to page: inout [UInt8]) throws {
        switch format {
        case .json:
            page.append(contentsOf: json)
            page.append("\n")
        case .yaml: try YAML.append(json, isItem: true, to: &page)
        case .csv: CSV.append(try ListedEvent(json), to: &page)
        }
    }
}
