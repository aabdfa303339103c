import Events
import HTTPServer
import JSON

/// A format of exported events.
enum ExportFormat: String, CaseIterable, Sendable {
    /// One JSON object on each line.
    case lines = "ndjson"
    /// RFC 4180, with a header line.
    case csv

    var contentType: StaticString {
        switch self {
        case .lines: "application/x-ndjson"
        case .csv: "text/csv; charset=utf-8"
        }
    }

    /// The type without parameters, as in `Accept`.
    var mediaType: StaticString {
        switch self {
        case .lines: "application/x-ndjson"
        case .csv: "text/csv"
        }
    }

    /// RFC 6266: the name under which a browser stores it.
    var disposition: StaticString {
        switch self {
        case .lines: "attachment; filename=\"events.ndjson\""
        case .csv: "attachment; filename=\"events.csv\""
        }
    }

    func appendHeader(to output: inout [UInt8]) {
        if self == .csv { CSV.appendHeader(to: &output) }
    }

    func append(_ event: EventView, to output: inout [UInt8]) {
        switch self {
        case .lines:
            event.appendJSON(to: &output)
            output.append("\n")
        case .csv: CSV.append(event, to: &output)
        }
    }
}
