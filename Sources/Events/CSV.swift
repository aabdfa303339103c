import JSON

/// Events in the format of RFC 4180: a header line, then a line for each event.
public enum CSV {
    /// Appends the header: the names of an event's fields.
    public static func appendHeader(to output: inout [UInt8]) {
        for field in EventField.allCases {
            if field != .id { output.append(",") }
            output.append(field.name)
        }
        output.append("\r\n")
    }

    /// Appends a line.
    public static func append(_ event: EventView, to output: inout [UInt8]) {
        for field in EventField.allCases {
            if field != .id { output.append(",") }
            if field.rawValue > EventField.reason.rawValue {
                event.appendText(field, to: &output)
            } else if let bytes = event[field] {
                if field == .metadata, let repaired = StorableMetadata(repairingServed: bytes) {
                    repaired.bytes.withUnsafeBytes { appendCell($0, to: &output) }
                } else {
                    appendCell(bytes, to: &output)
                }
            }
        }
        output.append("\r\n")
    }

    /// Appends a cell. RFC 4180: "Fields containing line breaks (CRLF), double quotes, and commas
    /// should be enclosed in double-quotes", and a double quote inside is doubled. The empty text
    /// is quoted too; null is not. Cells that a spreadsheet takes for formulas are left alone,
    /// because an export must equal what is stored. Bytes that are not UTF-8 become U+FFFD.
    public static func appendCell(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        var needsQuotes = bytes.isEmpty
        var isASCII = true
        for byte in bytes {
            if byte == quote || byte == UInt8(ascii: ",") || byte == 0x0D || byte == 0x0A {
                needsQuotes = true
            }
            if byte >= 0x80 { isASCII = false }
        }
        if !isASCII, String(validating: bytes, as: UTF8.self) == nil {
            let repaired = Array(String(decoding: bytes, as: UTF8.self).utf8)
            return repaired.withUnsafeBytes { appendCell($0, to: &output) }
        }
        guard needsQuotes else { return output.append(contentsOf: bytes) }
        output.append(quote)
        for byte in bytes {
            if byte == quote { output.append(quote) }
            output.append(byte)
        }
        output.append(quote)
    }
}
