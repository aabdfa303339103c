import JSON

/// Writes JSON as YAML in block style (https://yaml.org/spec/1.2.2). JSON strings are double-quoted
/// YAML strings; plain words are written without quotes.
enum YAML {
    /// Appends the JSON text `json` as a document, or as an item of a sequence.
    ///
    /// - Parameter indent: the blanks before each line.
    static func append(
        _ json: UnsafeRawBufferPointer, isItem: Bool = false, indent: Int = 0,
        to output: inout [UInt8]
    ) throws(JSONError) {
        var reader = JSONReader(json)
        output += [UInt8](repeating: UInt8(ascii: " "), count: indent)
        if isItem { output.append("- ") }
        try append(&reader, indent: indent + (isItem ? 2 : 0), isInline: true, to: &output)
    }

    /// Appends a value.
    ///
    /// - Parameter isInline: true if the first line has begun, by `- ` or because nothing comes
    ///   before it.
    private static func append(
        _ reader: inout JSONReader, indent: Int, isInline: Bool, to output: inout [UInt8]
    ) throws(JSONError) {
        var isFirst = isInline
        var isEmpty = true
        func begin(_ output: inout [UInt8]) {
            if isEmpty, !isInline { output.append("\n") }
            if !isFirst { output += [UInt8](repeating: UInt8(ascii: " "), count: indent) }
            isFirst = false
            isEmpty = false
        }
        switch try reader.peekKind() {
        case .object:
            try reader.beginObject()
            while let key = try reader.nextKey() {
                begin(&output)
                append(key, to: &output)
                output.append(":")
                try appendBehindColon(&reader, indent: indent + 2, to: &output)
            }
            if isEmpty { output.append(isInline ? "{}\n" : " {}\n") }
        case .array:
            try reader.beginArray()
            while try reader.nextElement() {
                begin(&output)
                output.append("- ")
                try append(&reader, indent: indent + 2, isInline: true, to: &output)
            }
            if isEmpty { output.append(isInline ? "[]\n" : " []\n") }
        case .string:
            append(try reader.readString(), to: &output)
            output.append("\n")
        case .number, .bool, .null:
            output.append(contentsOf: try reader.skipValue().raw)
            output.append("\n")
        }
    }

    private static func appendBehindColon(
        _ reader: inout JSONReader, indent: Int, to output: inout [UInt8]
    ) throws(JSONError) {
        let kind = try reader.peekKind()
        let isContainer = kind == .object || kind == .array
        if !isContainer { output.append(" ") }
        try append(&reader, indent: indent, isInline: !isContainer, to: &output)
    }

    private static func append(_ string: JSONString, to output: inout [UInt8]) {
        if isPlain(string) {
            output.append(contentsOf: string.raw)
        } else {
            // A JSON string is a YAML one once surrogate pairs are characters, and characters that
            // YAML takes for line ends or does not allow are escaped.
            var quoted: [UInt8] = []
            quoted.appendJSONString(string.string)
            for scalar in String(decoding: quoted, as: UTF8.self).unicodeScalars {
                guard needsEscape(scalar) else {
                    output += Array(String(scalar).utf8)
                    continue
                }
                let digits = String(scalar.value, radix: 16)
                output += Array(
                    "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            }
        }
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    /// Words that older readers take for booleans and the like.
    private static let taken: Set<String> = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n",
    ]

    /// True for a letter followed by letters, digits and a few signs without a meaning in YAML.
    private static func isPlain(_ string: JSONString) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }
        guard !string.hasEscapes, let first = string.raw.first, isLetter(first),
            string.raw.count <= 128, string.raw.last != UInt8(ascii: " ")
        else { return false }
        let isSafe = string.raw.allSatisfy { byte in
            isLetter(byte) || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: " ")
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/")
        }
        return isSafe && !taken.contains(string.string.lowercased())
    }
}
