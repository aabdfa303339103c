import ArgumentParser
import Glibc

/// `logbook events tail`
struct TailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Follow events as they are stored, until interrupted.",
        discussion: """
            Each event is printed at once, in the order of arrival. After a broken connection, the \
            command reconnects and continues with the very next event.

            Examples:
              logbook events tail --severity error
              logbook events tail --last 20 --namespace shop
              logbook events tail --format json | jq --unbuffered -r .title
            """)

    @OptionGroup
    var server: ServerOptions

    @OptionGroup
    var filters: FilterOptions

    @Option(help: "Past events to begin with, at most 1000.")
    var last = 0

    @Option(help: "Follow from after the event with this seq. (default: from now on)")
    var after: Int?

    @Option(help: "The number of events to end after; 0 never ends.")
    var count = 0

    @Flag(help: "Show ids in a table; events get takes them.")
    var ids = false

    @OptionGroup
    var output: OutputOptions

    static let valueFlags = ServerOptions.valueFlags + OutputOptions.valueFlags

    func validate() throws {
        guard (0...1000).contains(last) else {
            throw ValidationError("--last must be from 0 to 1000, not \(last)")
        }
        guard last == 0 || after == nil else {
            throw ValidationError("give either --last or --after")
        }
        guard count >= 0, after ?? 0 >= 0 else {
            throw ValidationError("--count and --after must not be negative")
        }
    }

    func run() throws {
        try reportingFailures(of: server.server) {
            var style = EventTableWriter.Style(time: output.time ?? .absolute, showsIDs: ids)
            style.isLive = true
            let printer = EventPrinter(output.format, style, isLineByLine: true)
            let past = last
            let query = filters.parameters
            let pages = EventSource.server(try server.client())
            let stream = EventStream(try server.client(), query, after: after)
            // Recent past events, which the stream may send again.
            var known: Set<Int> = []
            var left = count == 0 ? Int.max : count
            let print: ([ListedEvent]) throws -> Bool = { events in
                let new = events.filter { known.isEmpty || !known.contains($0.seq) }
                    .prefix(left)
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
}
