extension JSONReader {
    /// Reads the string whose opening quote is at `position` (RFC 8259, section 7).
    mutating func scanString() throws(JSONError) -> JSONString {
        let opening = position
        var index = opening + 1
        var hasEscapes = false
        while true {
            index = base.endOfPlainText(from: index, to: count)
            guard index < count else {
                throw error(
                    "expected '\"' to close the string at offset \(opening), "
                        + "found the end of the text", at: count)
            }
            switch base[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                expectation = .next
                let raw = UnsafeRawBufferPointer(
                    start: base + (opening + 1), count: index - opening - 1)
                return JSONString(raw: raw, hasEscapes: hasEscapes, offset: opening)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index = try endOfEscape(at: index)
            case 0x80...:
                index = try endOfSequences(at: index)
            default:
                throw error(
                    "a string cannot hold the control byte 0x\(base[index].twoHexDigits) itself; "
                        + "write it as \\u00\(base[index].twoHexDigits)", at: index)
            }
        }
    }

    /// Skips consecutive non-ASCII characters.
    private func endOfSequences(at start: Int) throws(JSONError) -> Int {
        var index = start
        while index < count, base[index] >= 0x80 {
            let length = base.utf8Sequence(at: index, to: count)
            guard length > 0 else {
                let wrong = index - length
                throw error("\(found(at: wrong)) is not valid UTF-8 here", at: wrong)
            }
            index += length
        }
        return index
    }

    private func endOfEscape(at backslash: Int) throws(JSONError) -> Int {
        let index = backslash + 1
        guard index < count else {
            throw error("expected an escape after '\\', found the end of the text", at: index)
        }
        switch base[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index + 1
        case UInt8(ascii: "u"):
            return try endOfUnicodeEscape(at: backslash)
        default:
            throw error(
                "expected one of \" \\ / b f n r t u after '\\', found \(found(at: index))",
                at: index)
        }
    }

    /// Code points past U+FFFF are a surrogate pair, high then low; neither may occur alone.
    private func endOfUnicodeEscape(at backslash: Int) throws(JSONError) -> Int {
        let end = backslash + 6
        let first = try codeUnit(at: backslash + 2)
        if UTF16.isTrailSurrogate(first) {
            throw error("the escape of a low surrogate has no high one before it", at: backslash)
        }
        guard UTF16.isLeadSurrogate(first) else { return end }
        guard end < count, base[end] == UInt8(ascii: "\\") else { throw unpaired(at: end) }
        guard end + 1 < count, base[end + 1] == UInt8(ascii: "u") else {
            throw unpaired(at: end + 1)
        }
        guard UTF16.isTrailSurrogate(try codeUnit(at: end + 2)) else { throw unpaired(at: end) }
        return end + 6
    }

    private func unpaired(at index: Int) -> JSONError {
        error(
            "expected the escape of a low surrogate (\\uDC00 to \\uDFFF) after that of a high one, "
                + "found \(index < count ? "other text" : "the end of the text")", at: index)
    }

    private func codeUnit(at start: Int) throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for index in start..<start + 4 {
            guard index < count, let digit = base[index].hexDigitValue else {
                throw error(
                    "expected four hexadecimal digits after '\\u', found \(found(at: index))",
                    at: index)
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
