import Testing

/// One answer of the server, parsed as strictly as the server parses requests.
struct Answer: Sendable {
    let code: Int
    let fields: [(name: String, value: String)]
    let body: [UInt8]

    /// An answer that breaks the protocol.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads the first answer of `bytes`; nil if it is incomplete.
    static func read(
        _ bytes: ArraySlice<UInt8>, answersHead: Bool
    ) throws -> (answer: Answer, length: Int)? {
        guard let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: bytes[..<headEnd.lowerBound], as: UTF8.self)
        var lines: [Substring] = []
        for line in head.components(separatedByCRLF: ()) {
            guard !line.unicodeScalars.contains(where: { $0 == "\r" || $0 == "\n" || $0 == "\0" })
            else {
                throw Malformed(description: "a control byte in '\(line)'")
            }
            lines.append(line)
        }
        guard lines[0].hasPrefix("HTTP/1.1 "), let code = Int(lines[0].dropFirst(9).prefix(3))
        else {
            throw Malformed(description: "no status line: '\(lines[0])'")
        }
        let fields = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
                throw Malformed(description: "no field line: '\(line)'")
            }
            return (
                name: line[..<colon].lowercased(),
                value: String(line[colon...].dropFirst().trimmingPrefix(" "))
            )
        }
        let length = try contentLength(code, fields)
        let bodyLength = answersHead ? 0 : length
        guard bytes.endIndex - headEnd.upperBound >= bodyLength else { return nil }
        let body = bytes[headEnd.upperBound..<(headEnd.upperBound + bodyLength)]
        return (
            Answer(code: code, fields: fields, body: Array(body)), body.endIndex - bytes.startIndex
        )
    }

    /// RFC 9110, 8.6: no Content-Length in 1xx and 204, and one in all other answers of this
    /// server.
    private static func contentLength(
        _ code: Int, _ fields: [(name: String, value: String)]
    ) throws -> Int {
        let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
        guard !fields.contains(where: { $0.name == "transfer-encoding" }) else {
            throw Malformed(description: "a Transfer-Encoding")
        }
        if code < 200 || code == 204 {
            guard lengths.isEmpty else {
                throw Malformed(description: "a Content-Length in a \(code)")
            }
            return 0
        }
        guard lengths.count == 1, let length = Int(lengths[0]) else {
            throw Malformed(description: "\(lengths.count) Content-Length fields in a \(code)")
        }
        return length
    }

    /// All answers in `bytes` without interim ones; `isHead` is true for those that answer a HEAD.
    static func readAll(_ bytes: [UInt8], isHead: (Int) -> Bool = { _ in false }) throws -> [Answer]
    {
        var answers: [Answer] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let (answer, length) = try read(rest, answersHead: isHead(answers.count)) else {
                throw Malformed(description: "\(rest.count) bytes that are no whole answer")
            }
            rest = rest.dropFirst(length)
            if answer.code >= 200 { answers.append(answer) }
        }
        return answers
    }

    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }

    var closes: Bool { field("connection") == "close" }
}

extension String {
    /// The lines between CR LF. LF alone and CR alone are not line ends.
    fileprivate func components(separatedByCRLF: Void) -> [Substring] {
        // Swift treats CR LF as one character.
        split(separator: "\r\n" as Character, omittingEmptySubsequences: false)
    }
}

extension ArraySlice<UInt8> {
    /// The first occurrence of `pattern`.
    fileprivate func firstRange(of pattern: [UInt8]) -> Range<Int>? {
        guard count >= pattern.count else { return nil }
        for start in startIndex...(endIndex - pattern.count)
        where self[start] == pattern[0]
            && self[start..<(start + pattern.count)].elementsEqual(pattern)
        {
            return start..<(start + pattern.count)
        }
        return nil
    }
}
