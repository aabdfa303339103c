import ArgumentParser
import Events
import JSON

/// Prints events to standard output in one of the formats.
final class EventPrinter {
    private let format: OutputFormat
    /// True for JSON with one object on each line instead of one array.
    private let isLineByLine: Bool
    private let output = StandardOutput()
    private var table: EventTableWriter
    private var isEmpty = true

    init(_ format: OutputFormat, _ style: EventTableWriter.Style, isLineByLine: Bool = false) {
        self.format = format
        self.isLineByLine = isLineByLine
        table = EventTableWriter(style)
    }

    /// Prints `events`, which determine the widths of a table's columns.
    func print(_ events: [ListedEvent]) throws {
        // Its cells are `TerminalText`, and its colors are ours.
        try output.write(isSafe: true) { bytes in
            if format == .table { table.append(events, now: Timestamp.now(), to: &bytes) }
        }
        guard format != .table else { return isEmpty = isEmpty && events.isEmpty }
        for event in events {
            try output.write { bytes in try append(event, to: &bytes) }
            isEmpty = false
        }
    }

    private func append(_ event: ListedEvent, to bytes: inout [UInt8]) throws {
        switch format {
        case .table: preconditionFailure("a table is written page by page")
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
    static func print(single json: [UInt8], _ format: OutputFormat, _ time: TimeStyle) throws {
        let output = StandardOutput()
        let event = try json.withUnsafeBytes { try ListedEvent($0) }
        try output.write { bytes in
            switch format {
            case .json:
                bytes += event.json
                if bytes.last != UInt8(ascii: "\n") { bytes.append("\n") }
            case .yaml: try event.json.withUnsafeBytes { try YAML.append($0, to: &bytes) }
            case .csv:
                CSV.appendHeader(to: &bytes)
                CSV.append(event, to: &bytes)
            case .table:
                let names = EventField.allCases.map { String(describing: $0.name) }
                let width = names.map(\.count).max() ?? 0
                for field in EventField.allCases {
                    guard let text = event[field] else { continue }
                    let shown =
                        field == .createdAt || field == .receivedAt
                        ? time.text(text, now: Timestamp.now()) : text
                    appendLine("\(field.name)", shown, width, to: &bytes)
                }
            }
        }
        try output.flush()
    }

    private static func appendLine(
        _ name: String, _ text: String, _ width: Int, to bytes: inout [UInt8]
    ) {
        bytes += Array(
            "\(TerminalText(name).padded(to: width + 2))\(TerminalText(text).string)\n".utf8)
    }
}
