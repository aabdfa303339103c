import Events
import HTTPServer
import JSON

/// How exported events are written.
enum ExportFormat: String, CaseIterable, Sendable {
    /// One JSON object a line.
    case lines = "ndjson"
    /// RFC 4180, with a header line.
    case csv

    var contentType: StaticString {
        switch self {
        case .lines: "application/x-ndjson"
        case .csv: "text/csv; charset=utf-8"
        }
    }

    /// The type without parameters, as `Accept` names it.
    var mediaType: StaticString {
        switch self {
        case .lines: "application/x-ndjson"
        case .csv: "text/csv"
        }
    }

    /// RFC 6266: a browser stores it under this name.
    var disposition: StaticString {
        switch self {
        case .lines: "attachment; filename=\"events.ndjson\""
        case .csv: "attachment; filename=\"events.csv\""
        }
    }

    func appendHeader(to output: inout [UInt8]) {
        guard self == .csv else { return }
        for field in EventField.allCases {
            output.append(field.name)
            output.append(",")
        }
        output.append("seq\r\n")
    }

    func append(_ event: EventView, to output: inout [UInt8]) {
        switch self {
        case .lines:
            event.appendJSON(to: &output)
            output.append("\n")
        case .csv:
            for field in EventField.allCases {
                if let bytes = event[field] { Self.appendCell(bytes, to: &output) }
                output.append(",")
            }
            output.appendInteger(Int(event.seq))
            output.append("\r\n")
        }
    }

    /// RFC 4180: "Fields containing line breaks (CRLF), double quotes, and commas should be enclosed
    /// in double-quotes", and a double quote in one is doubled. The empty text is quoted, too: null
    /// is not. Cells that a spreadsheet takes for formulas stay as they are: changed, an export would
    /// not be what is stored.
    private static func appendCell(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let needsQuotes = bytes.contains {
            $0 == quote || $0 == UInt8(ascii: ",") || $0 == 0x0D || $0 == 0x0A
        }
        guard needsQuotes || bytes.isEmpty else { return output.append(contentsOf: bytes) }
        output.append(quote)
        for byte in bytes {
            if byte == quote { output.append(quote) }
            output.append(byte)
        }
        output.append(quote)
    }
}
