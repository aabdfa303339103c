/// Bytes in the notation of the wire files.
enum WireText {
    /// Decodes the escapes of one line: `\r`, `\n`, `\t`, `\0`, `\\`, `\xHH`, and `\{COUNT:TEXT}`
    /// for a repetition.
    static func bytes(of text: Substring) throws(WireCase.FormatError) -> [UInt8] {
        guard text.last != " ", text.last != "\t" else {
            throw WireCase.FormatError(
                description: "blanks at a line's end are written \\x20 or \\t")
        }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                try appendEscape(&rest, to: &bytes)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func appendEscape(
        _ rest: inout Substring.UTF8View.SubSequence, to bytes: inout [UInt8]
    ) throws(WireCase.FormatError) {
        switch rest.popFirst() {
        case UInt8(ascii: "r"): bytes.append(UInt8(ascii: "\r"))
        case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
        case UInt8(ascii: "t"): bytes.append(UInt8(ascii: "\t"))
        case UInt8(ascii: "0"): bytes.append(0)
        case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "x"):
            guard rest.count >= 2, let byte = UInt8(String(Substring(rest.prefix(2))), radix: 16)
            else {
                throw WireCase.FormatError(description: "two hexadecimal digits follow \\x")
            }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        case UInt8(ascii: "{"):
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")),
                let colon = rest[..<end].firstIndex(of: UInt8(ascii: ":")),
                let count = Int(Substring(rest[..<colon]))
            else { throw WireCase.FormatError(description: "a repetition is \\{COUNT:TEXT}") }
            let piece = try self.bytes(of: Substring(rest[rest.index(after: colon)..<end]))
            for _ in 0..<count { bytes.append(contentsOf: piece) }
            rest = rest[rest.index(after: end)...]
        default:
            throw WireCase.FormatError(description: "an unknown escape")
        }
    }
}
