import Events
import JSON

/// Writes events as RFC 4180 has it, as `GET /events/export` does.
enum CSV {
    static func appendHeader(to output: inout [UInt8]) {
        for field in EventField.allCases {
            output.append(field.name)
            output.append(",")
        }
        output.append("seq\r\n")
    }

    static func append(_ event: ListedEvent, to output: inout [UInt8]) {
        for field in EventField.allCases {
            if let text = event[field] { appendCell(text, to: &output) }
            output.append(",")
        }
        output.appendInteger(event.seq)
        output.append("\r\n")
    }

    /// The empty text is quoted: null is not.
    static func appendCell(_ text: String, to output: inout [UInt8]) {
        let special: Set<UInt8> = [0x0A, 0x0D, UInt8(ascii: ","), UInt8(ascii: "\"")]
        guard text.isEmpty || text.utf8.contains(where: special.contains) else {
            return output += Array(text.utf8)
        }
        output.append("\"")
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { output.append(byte) }
            output.append(byte)
        }
        output.append("\"")
    }
}
