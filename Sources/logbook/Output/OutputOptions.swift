import ArgumentParser

/// The flags for showing events.
struct OutputOptions: ParsableArguments {
    @Option(
        name: .format,
        help: "The output format: table, wide, json, yaml, csv, or name for ids alone.")
    var format = OutputFormat.table

    @Option(
        help:
            "Times in a table: relative or absolute. (default: relative on a terminal, else absolute)"
    )
    var time: TimeStyle?

    @Flag(help: "Read and show times in UTC, not in local time.")
    var utc = false

    @Flag(help: "Do not send what is shown on a terminal through $PAGER.")
    var noPager = false

    static let valueFlags = ["format", "time"]

    var clock: Clock { Clock(isUTC: utc) }

    /// The times as `--time` and `--utc` say, or as fits standard output.
    var times: TimeWriter {
        let isTerminal = StandardOutput.terminalColumns != nil
        return TimeWriter(
            style: time ?? (isTerminal ? .relative : .absolute), clock: isTerminal ? clock : nil)
    }
}

/// The format of events.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, wide, json, yaml, csv, name
}

extension NameSpecification {
    /// `--format`, and `-o` as in kubectl.
    static let format: Self = [.customShort("o", allowingJoined: true), .long]
}

/// The format of output other than events.
enum DocumentFormat: String, CaseIterable, ExpressibleByArgument {
    case yaml, json

    /// Prints `json`.
    func print(_ json: [UInt8]) throws {
        let output = StandardOutput()
        try output.write { bytes in
            switch self {
            case .json:
                bytes += json
                if bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
            case .yaml: try json.withUnsafeBytes { try YAML.append($0, to: &bytes) }
            }
        }
        try output.flush()
    }
}
