import ArgumentParser

/// `logbook events stats`
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Count events over time, and by fields.",
        discussion: """
            Examples:
              logbook events stats --since 24h --by severity
              logbook events stats --namespace shop --interval 1d --by event_type,object_kind
              logbook events stats --since 7d --by severity --format csv > week.csv
            """)

    @OptionGroup
    var source: SourceOptions

    @OptionGroup
    var filters: FilterOptions

    @Option(
        help: ArgumentHelp(
            "The length of a bucket, such as 30s, 15m, 1h, 6h, 1d or 7d. (default: one that gives about 60)",
            valueName: "length"))
    var interval: String?

    @Option(
        help: ArgumentHelp(
            "Fields to count the values of: severity, event_type, object_kind, object_namespace, object_name, cluster, "
                + "reason, and object for kind, namespace and name as one; repeat it, or separate several with commas. (default: none)",
            valueName: "field"))
    var by: [String] = []

    @Flag(help: "Count the occurrences that events report, not the events.")
    var occurrences = false

    @OptionGroup
    var output: OutputOptions

    static let valueFlags = SourceOptions.valueFlags + OutputOptions.valueFlags

    /// The width of a table that does not go to a terminal.
    private static let columns = 80

    func run() throws {
        try reportingFailures(of: source.subject) {
            let own = [
                ("interval", interval), ("by", by.isEmpty ? nil : by.joined(separator: ",")),
                ("occurrences", occurrences ? "true" : nil),
            ]
            let given = own.compactMap { name, value in value.map { (name: name, value: $0) } }
            let json = try source.open().statistics(filters.parameters, given)
            let printed = StandardOutput()
            try printed.write { bytes in
                switch output.format {
                case .json: bytes += json
                case .yaml: try json.withUnsafeBytes { try YAML.append($0, to: &bytes) }
                case .csv: try EventCounts(json).appendCSV(to: &bytes)
                case .table:
                    try EventCounts(json).appendTable(
                        output.timeStyle,
                        columns: StandardOutput.terminalColumns ?? Self.columns, to: &bytes)
                }
            }
            try printed.flush()
        }
    }
}
