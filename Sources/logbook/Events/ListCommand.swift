import ArgumentParser

/// `logbook events list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List events, newest first.",
        discussion: """
            Examples:
              logbook events list --severity error --since 1h
              logbook events list --kind Pod --namespace shop --format json | jq '.[].title'
              logbook events list --database /data/logbook.db --limit 500 --time absolute
              logbook events list --filter 'object_name=web-*'
            """)

    @OptionGroup
    var source: SourceOptions

    @OptionGroup
    var filters: FilterOptions

    @Option(help: "The most events to list; 0 lists all.")
    var limit = 50

    @Option(help: "Newest first (desc) or oldest first (asc).")
    var order = SortOrder.desc

    @Flag(help: "Show ids in a table; events get takes them.")
    var ids = false

    @Flag(
        inversion: .prefixedNo,
        help:
            "Show only the newest of events that are alike, with their number. (default: in a table on a terminal)"
    )
    var fold: Bool?

    @OptionGroup
    var output: OutputOptions

    static let valueFlags = SourceOptions.valueFlags + OutputOptions.valueFlags

    /// The most events on a page.
    private static let pageLimit = 1000

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be negative") }
    }

    private var folds: Bool {
        fold ?? (output.format == .table && StandardOutput.terminalColumns != nil)
    }

    func run() throws {
        try reportingFailures(of: source.subject) {
            let source = try source.open()
            let printer = EventPrinter(
                output.format, EventTableWriter.Style(time: output.timeStyle, showsIDs: ids))
            var left = limit == 0 ? Int.max : limit
            var cursor: String?
            repeat {
                var parameters =
                    filters.parameters + [
                        ("order", order.rawValue), ("limit", "\(min(left, Self.pageLimit))"),
                    ]
                if folds { parameters.append(("fold", "true")) }
                if let cursor { parameters.append(("cursor", cursor)) }
                var events: [ListedEvent] = []
                cursor = try source.page(parameters) { events.append(try ListedEvent($0)) }
                try printer.print(events)
                left -= events.count
            } while cursor != nil && left > 0
            try printer.finish()
        }
    }
}
