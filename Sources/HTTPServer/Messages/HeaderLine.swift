/// The grammar of one field line of a header section or of trailers (RFC 9112, section 5).
enum HeaderLine {
    /// Splits `line` of `bytes` into its name and its value without the blanks around it.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>
    ) throws(HTTPError) -> RequestHead.Field {
        var nameEnd = line.lowerBound
        while nameEnd < line.upperBound, ASCII.isToken(bytes[nameEnd]) { nameEnd += 1 }
        guard nameEnd > line.lowerBound, nameEnd < line.upperBound, bytes[nameEnd] == ASCII.colon
        else {
            throw HTTPError(.badRequest, explanation(bytes, line, nameEnd))
        }
        var start = nameEnd + 1
        var end = line.upperBound
        while start < end, ASCII.isBlank(bytes[start]) { start += 1 }
        while end > start, ASCII.isBlank(bytes[end - 1]) { end -= 1 }
        // RFC 9110, 5.5: field-vchar = VCHAR / obs-text. CR, LF and NUL are dangerous and refused,
        // and so are the other control bytes.
        for offset in start..<end {
            let byte = bytes[offset]
            guard byte >= ASCII.space ? byte != 0x7F : byte == ASCII.tab else {
                throw HTTPError(.badRequest, "A header field's value holds a control byte.")
            }
        }
        return RequestHead.Field(name: line.lowerBound..<nameEnd, value: start..<end)
    }

    private static func explanation(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, _ nameEnd: Int
    ) -> String {
        if nameEnd == line.upperBound { return "A header line has no colon." }
        guard ASCII.isBlank(bytes[nameEnd]) else {
            return "A header field's name is empty or not a token."
        }
        // RFC 9112, 5.1 and 5.2: "No whitespace is allowed between the field name and colon"; line
        // folding is obsolete.
        return nameEnd == line.lowerBound
            ? "A header line begins with white space; folded lines are obsolete."
            : "White space stands between a header field's name and its colon."
    }

    /// RFC 9110, 8.6: Content-Length = 1*DIGIT
    static func parseLength(_ value: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        var length = 0
        for byte in value {
            let (tens, overflowed) = length.multipliedReportingOverflow(by: 10)
            guard ASCII.isDigit(byte), !overflowed, tens <= Int.max - 9 else {
                throw HTTPError(.badRequest, "Content-Length is not a number of bytes.")
            }
            length = tens + Int(byte - UInt8(ascii: "0"))
        }
        guard !value.isEmpty else { throw HTTPError(.badRequest, "Content-Length is empty.") }
        return length
    }
}
