import ArgumentParser
import Events

/// `logbook events stats`
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Count events over time, and by fields.",
        discussion: """
            Examples:
              logbook events stats --since 24h --by severity
              logbook events stats -n shop --interval 1d --by event_type,object_kind
              logbook events stats --since 7d --by severity --format csv > week.csv
            """)

    @OptionGroup
    var source: SourceOptions

    @OptionGroup
    var filters: FilterOptions

    @Option(
        help: ArgumentHelp(
            "The length of a bucket, such as 30s, 15m, 1h, 6h, 1d or 1w. (default: one that gives about 60)",
            valueName: "length"),
        completion: .list(["1m", "5m", "15m", "1h", "6h", "1d", "1w"]))
    var interval: String?

    @Option(
        help: ArgumentHelp(
            "Fields to count the values of: severity, event_type, object_kind, object_namespace, object_name, cluster, "
                + "reason, and object for kind, namespace and name as one; repeat it, or separate several with commas. (default: none)",
            valueName: "field"),
        completion: .list(StatisticsField.all.map(\.name)))
    var by: [String] = []

    @Flag(help: "Count the occurrences that events report, not the events.")
    var occurrences = false

    @OptionGroup
    var output: OutputOptions

    static let valueFlags = SourceOptions.valueFlags + OutputOptions.valueFlags

    /// The width of a table that does not go to a terminal.
    private static let columns = 80

    /// Whole days are `7d` for the service, however they were typed: `1w`, `168h`.
    private static func inDays(_ interval: String) -> String {
        let day: Int64 = 86_400_000
        guard let length = Age.milliseconds(interval), length > 0, length.isMultiple(of: day) else {
            return interval
        }
        return "\(length / day)d"
    }

    func validate() throws {
        guard output.format != .name else {
            throw ValidationError("--format name is for events; counts have none")
        }
    }

    func run() throws {
        try reportingFailures(of: source.subject) {
            let own = [
                ("interval", interval.map(Self.inDays)),
                ("by", by.isEmpty ? nil : by.joined(separator: ",")),
                ("occurrences", occurrences ? "true" : nil),
            ]
            let given = own.compactMap { name, value in value.map { (name: name, value: $0) } }
            let filters = try filters.parameters(output.clock)
            let json = try source.open().statistics(filters, given)
            let times = output.times
            let printed = StandardOutput(isPaged: !output.noPager)
            try printed.write { bytes in
                switch output.format {
                case .json: bytes += json
                case .yaml: try json.withUnsafeBytes { try YAML.append($0, to: &bytes) }
                case .csv: try EventCounts(json).appendCSV(to: &bytes)
                case .table, .wide, .name:
                    try EventCounts(json).appendTable(
                        times,
                        columns: StandardOutput.terminalColumns ?? Self.columns, to: &bytes)
                }
            }
            try printed.flush()
        }
    }
}
