import Events
import JSON

extension CSV {
    /// Appends a line.
    static func append(_ event: ListedEvent, to output: inout [UInt8]) {
        for field in EventField.allCases {
            if field != .id { output.append(",") }
            if let text = event[field] { appendCell(text, to: &output) }
        }
        output.append("\r\n")
    }

    /// Appends a cell.
    static func appendCell(_ text: String, to output: inout [UInt8]) {
        Array(text.utf8).withUnsafeBytes { appendCell($0, to: &output) }
    }
}
