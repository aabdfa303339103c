import ArgumentParser

/// The flags for showing events.
struct OutputOptions: ParsableArguments {
    @Option(help: "The output format: table, json, yaml or csv.")
    var format = OutputFormat.table

    @Option(
        help:
            "Times in a table: relative or absolute. (default: relative on a terminal, else absolute)"
    )
    var time: TimeStyle?

    static let valueFlags = ["format", "time"]

    /// The style from `--time`, or the default for standard output.
    var timeStyle: TimeStyle {
        time ?? (StandardOutput.terminalColumns == nil ? .absolute : .relative)
    }
}

/// The format of events.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, yaml, csv
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
