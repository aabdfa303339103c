import ArgumentParser
import Glibc

/// `logbook events list`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List events, newest first, or follow them.",
        discussion: """
            "logbook events" alone lists too. With --follow, each event is printed at once, in the \
            order of arrival. After a broken connection, the command reconnects and continues with \
            the very next event.

            Examples:
              logbook events list --severity error --since 1h
              logbook events -n shop --kind Pod --since 'yesterday 22:00'
              logbook events -n shop --tail 20 -f
              logbook events -A -o wide --all
              logbook events -o json | jq '.[].title'
              logbook events --database /data/logbook.db -l 500
            """)

    @OptionGroup
    var source: SourceOptions

    @OptionGroup
    var filters: FilterOptions

    @Option(
        name: [.customShort("l", allowingJoined: true), .long],
        help: "The most events to list. (default: 50)", transform: Units.size)
    var limit: Int?

    @Flag(help: "List all events.")
    var all = false

    @Option(help: "Newest first (desc) or oldest first (asc). (default: desc)")
    var order: SortOrder?

    @Option(
        help: ArgumentHelp(
            "The latest events, at most 1000, oldest of them first; with --follow, the past to begin with, 10 by default.",
            valueName: "count"))
    var tail: Int?

    @Flag(
        name: [.customShort("f"), .customShort("w"), .long, .customLong("watch")],
        help: "Print events as they are stored, until interrupted.")
    var follow = false

    @Option(help: "Follow from after the event with this seq. (default: from now on)")
    var after: Int?

    @Option(help: "The number of events to end after, with --follow. (default: never)")
    var count: Int?

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
    private static let usualLimit = 50
    private static let usualPast = 10

    func validate() throws {
        if let limit, limit < 1 {
            throw ValidationError("--limit must be 1 or more, not \(limit); --all lists all")
        }
        if let tail { try check(tail, in: 0...Self.pageLimit, "tail") }
        guard [limit != nil, all, tail != nil].count(where: \.self) <= 1 else {
            throw ValidationError("give one of --limit, --all and --tail")
        }
        guard tail == nil || order == nil else {
            throw ValidationError("--tail has its own order; leave --order out")
        }
        guard follow else {
            guard after == nil, count == nil else {
                throw ValidationError("--after and --count need --follow")
            }
            return
        }
        guard limit == nil, !all, order == nil, fold != true else {
            throw ValidationError(
                "--limit, --all, --order and --fold do not go with --follow; --tail says how many past events to begin with"
            )
        }
        guard tail == nil || after == nil else {
            throw ValidationError("give either --tail or --after")
        }
        guard count ?? 1 >= 1, after ?? 0 >= 0 else {
            throw ValidationError("--count must be 1 or more, and --after not negative")
        }
        guard source.database == nil else {
            throw ValidationError("--follow needs a server, not --database")
        }
    }

    private var isTable: Bool { output.format == .table || output.format == .wide }

    private var folds: Bool {
        fold ?? (isTable && tail == nil && StandardOutput.terminalColumns != nil)
    }

    private var style: EventTableWriter.Style {
        EventTableWriter.Style(
            times: output.times, showsIDs: ids, showsNamespaces: filters.allNamespaces,
            isWide: output.format == .wide)
    }

    func run() throws {
        try reportingFailures(of: source.subject) {
            let query = try filters.parameters(output.clock)
            guard !follow else { return try followEvents(query) }
            let source = try source.open()
            let listed = try list(query, source)
            if listed.count == 0 {
                printToStandardError("No events match.")
            } else if listed.isCut, limit == nil, tail == nil {
                let total = isatty(STDERR_FILENO) == 1 ? source.count(listed.query) : nil
                let shown = total.map { "\(listed.count) of \(grouped($0))" }
                printToStandardError(
                    "\(shown ?? "The first \(listed.count)"); --limit or --all for more")
            }
        }
    }

    /// Prints the events that match, and returns their number.
    ///
    /// - Returns: the query too, without its limit, and whether there are more.
    private func list(
        _ filters: EventSource.Parameters, _ source: EventSource
    ) throws -> (count: Int, isCut: Bool, query: EventSource.Parameters) {
        let printer = EventPrinter(output.format, style, isPaged: !output.noPager)
        let query = filters + (folds ? [("fold", "true")] : [])
        var left = tail ?? (all ? .max : limit ?? Self.usualLimit)
        var cursor: String?
        while left > 0 {
            var parameters = query
            parameters.append(("order", (order ?? .desc).rawValue))
            parameters.append(("limit", "\(min(left, Self.pageLimit))"))
            if let cursor { parameters.append(("cursor", cursor)) }
            var events: [ListedEvent] = []
            cursor = try source.page(parameters) { events.append(try ListedEvent($0)) }
            try printer.print(tail == nil ? events : events.reversed())
            left -= events.count
            if cursor == nil { break }
        }
        try printer.finish()
        return (printer.count, cursor != nil, query)
    }

    /// `number` with commas between thousands.
    private func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in "\(number)".reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    private func followEvents(_ query: EventSource.Parameters) throws {
        var style = style
        style.times = TimeWriter(
            style: output.time ?? .absolute, clock: style.times.clock, isLive: true)
        let printer = EventPrinter(output.format, style, isLineByLine: true)
        let past = after == nil ? tail ?? Self.usualPast : 0
        let pages = EventSource.server(try source.client())
        let stream = EventStream(try source.client(), query, after: after)
        // Recent past events, which the stream may send again.
        var known: Set<Int> = []
        var left = count ?? .max
        let print: ([ListedEvent]) throws -> Bool = { events in
            let new = events.filter { known.isEmpty || !known.contains($0.seq) }.prefix(left)
            try printer.print(Array(new))
            try printer.flush()
            left -= new.count
            return left > 0
        }
        try stream.follow {
            // The stream has begun, so no event can be missed between it and the past.
            guard past > 0 else { return true }
            var events: [ListedEvent] = []
            _ = try pages.page(query + [("limit", "\(past)")]) {
                events.append(try ListedEvent($0))
            }
            let isUnfinished = try print(events.reversed())
            known = Set(events.map(\.seq))
            return isUnfinished
        } onEvents: {
            try print($0)
        }
        try printer.finish()
    }
}
