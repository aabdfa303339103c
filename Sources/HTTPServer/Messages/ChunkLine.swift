/// Chunks and the grammar of the line before a chunk's data (RFC 9112, section 7.1).
enum ChunkLine {
    /// Appends a piece of a body, as a chunk or as it is. It must not be empty, because an empty
    /// chunk ends the body.
    static func append(_ piece: [UInt8], to output: inout [UInt8], isChunked: Bool) {
        guard isChunked else { return output.append(contentsOf: piece) }
        output.append(contentsOf: String(piece.count, radix: 16).utf8)
        output.append("\r\n")
        output.append(contentsOf: piece)
        output.append("\r\n")
    }

    /// The size that `line`, without its CR LF, announces. Extensions are checked and ignored.
    static func parseSize(_ line: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        var size = 0
        var offset = 0
        while offset < line.count, let digit = ASCII.hexValue(line[offset]) {
            guard size <= Int.max >> 8 else {
                throw HTTPError(.badRequest, "A chunk's size overflows.")
            }
            size = size << 4 | Int(digit)
            offset += 1
        }
        guard offset > 0 else {
            throw HTTPError(.badRequest, "A chunk's size is not a hexadecimal number.")
        }
        try checkExtensions(line.slice(offset..<line.count))
        return size
    }

    /// chunk-ext = *( ";" chunk-ext-name [ "=" ( token / quoted-string ) ] ), without the "bad"
    /// white space that a recipient must parse and a sender must not send (RFC 9110, 5.6.3). Only
    /// smugglers send it.
    private static func checkExtensions(_ text: UnsafeRawBufferPointer) throws(HTTPError) {
        let malformed = HTTPError(
            .badRequest, "The text after a chunk's size is not a chunk extension.")
        var offset = 0
        func token() -> Bool {
            let start = offset
            while offset < text.count, ASCII.isToken(text[offset]) { offset += 1 }
            return offset > start
        }
        while offset < text.count {
            guard text[offset] == UInt8(ascii: ";") else { throw malformed }
            offset += 1
            guard token() else { throw malformed }
            guard offset < text.count, text[offset] == UInt8(ascii: "=") else { continue }
            offset += 1
            if offset < text.count, text[offset] == UInt8(ascii: "\"") {
                guard let end = endOfQuotedString(text, from: offset) else { throw malformed }
                offset = end
            } else {
                guard token() else { throw malformed }
            }
        }
    }

    /// RFC 9110, 5.6.4: the offset after the closing quote; nil if there is none, or a control byte
    /// before it.
    private static func endOfQuotedString(_ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var offset = start + 1
        while offset < text.count {
            switch text[offset] {
            case UInt8(ascii: "\""): return offset + 1
            case UInt8(ascii: "\\"): offset += 1
            default: break
            }
            guard offset < text.count, text[offset] >= ASCII.space || text[offset] == ASCII.tab,
                text[offset] != 0x7F
            else { return nil }
            offset += 1
        }
        return nil
    }
}
