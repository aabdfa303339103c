import Events
import JSON

/// Prints events to standard output in one of the formats.
final class EventPrinter {
    private let format: OutputFormat
    /// True for JSON with one object on each line instead of one array.
    private let isLineByLine: Bool
    private let output: StandardOutput
    private var table: EventTableWriter
    private(set) var count = 0
    private var isEmpty: Bool { count == 0 }

    /// - Parameter isPaged: true to use a pager on a terminal.
    init(
        _ format: OutputFormat, _ style: EventTableWriter.Style, isLineByLine: Bool = false,
        isPaged: Bool = false
    ) {
        self.format = format
        self.isLineByLine = isLineByLine
        output = StandardOutput(isPaged: isPaged)
        table = EventTableWriter(style)
    }

    /// Prints `events`, which determine the widths of a table's columns.
    func print(_ events: [ListedEvent]) throws {
        if format == .table || format == .wide {
            // Its cells are `TerminalText`, and its colors are ours.
            try output.write(isSafe: true) { bytes in
                table.append(events, now: Timestamp.now(), to: &bytes)
            }
            count += events.count
            return
        }
        for event in events {
            try output.write { bytes in try append(event, to: &bytes) }
            count += 1
        }
    }

    private func append(_ event: ListedEvent, to bytes: inout [UInt8]) throws {
        switch format {
        case .table, .wide: preconditionFailure("a table is written page by page")
        case .name: bytes += Array("\(event[.id] ?? "")\n".utf8)
        case .csv:
            if isEmpty { CSV.appendHeader(to: &bytes) }
            CSV.append(event, to: &bytes)
        case .yaml:
            try event.json.withUnsafeBytes { try YAML.append($0, isItem: true, to: &bytes) }
        case .json:
            if !isLineByLine { bytes.append(isEmpty ? "[\n" : ",\n") }
            bytes += event.json
            if isLineByLine { bytes.append("\n") }
        }
    }

    /// Prints everything that is buffered.
    func flush() throws { try output.flush() }

    /// Prints the end of a format that needs one.
    func finish() throws {
        try output.write { bytes in
            switch format {
            case .json where !isLineByLine: bytes.append(isEmpty ? "[]\n" : "\n]\n")
            case .yaml where isEmpty: bytes.append("[]\n")
            case .csv where isEmpty: CSV.appendHeader(to: &bytes)
            default: break
            }
        }
        try output.flush()
    }

    /// Prints a single event.
    static func print(single json: [UInt8], _ options: OutputOptions) throws {
        let output = StandardOutput(isPaged: !options.noPager)
        let event = try json.withUnsafeBytes { try ListedEvent($0) }
        try output.write { bytes in
            switch options.format {
            case .json:
                bytes += event.json
                if bytes.last != UInt8(ascii: "\n") { bytes.append("\n") }
            case .yaml: try event.json.withUnsafeBytes { try YAML.append($0, to: &bytes) }
            case .csv:
                CSV.appendHeader(to: &bytes)
                CSV.append(event, to: &bytes)
            case .name: bytes += Array("\(event[.id] ?? "")\n".utf8)
            case .table, .wide:
                try EventDescription(event, options.times).append(to: &bytes)
            }
        }
        try output.flush()
    }
}
