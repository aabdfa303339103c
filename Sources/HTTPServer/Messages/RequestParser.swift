/// Parses request heads, strictly and incrementally (RFC 9112, sections 2 to 6).
///
/// Call `parse` with all bytes from the head's first one, again for each piece that arrives. A line
/// is examined once, when it is complete. The result does not depend on how the bytes were split.
struct RequestParser {
    enum Progress {
        case incomplete
        /// The head ends before this offset.
        case complete(end: Int)
    }

    private(set) var head = RequestHead()
    private var lineStart = 0
    private var scanned = 0
    private var sectionStart: Int?
    private var skippedEmptyLine = false

    // Facts from the field lines so far, judged together when the head is complete.
    private var hostCount = 0
    private var authority: Range<Int>?
    private var contentLength: Int?
    private var coding = TransferCoding()
    private var saysClose = false
    private var saysKeepAlive = false

    /// True if any byte of the head has arrived.
    var hasStarted: Bool { scanned > 0 }

    /// Forgets the head, ready for the next one.
    mutating func reset() {
        head.clear()
        lineStart = 0
        scanned = 0
        sectionStart = nil
        skippedEmptyLine = false
        hostCount = 0
        authority = nil
        contentLength = nil
        coding = TransferCoding()
        saysClose = false
        saysKeepAlive = false
    }

    /// Continues where the last call stopped.
    mutating func parse(
        _ bytes: UnsafeRawBufferPointer, limits: HTTPLimits
    ) throws(HTTPError) -> Progress {
        while true {
            let lineFeed = bytes.firstOffset(of: ASCII.lineFeed, from: scanned)
            let lineEnd = lineFeed ?? bytes.count
            // Bounds come first, on complete and incomplete lines alike, so that the result is the
            // same however the bytes arrive.
            if let sectionStart {
                guard lineEnd + (lineFeed == nil ? 0 : 1) - sectionStart <= limits.headerBytes
                else {
                    throw HTTPError(
                        .headerFieldsTooLarge,
                        "The header section is longer than \(limits.headerBytes) bytes.")
                }
            } else {
                try checkRequestLineStart(bytes.slice(lineStart..<lineEnd), limits: limits)
            }
            scanned = lineEnd
            guard let lineFeed else { return .incomplete }
            scanned = lineFeed + 1
            // RFC 9112, 2.2: "a recipient MAY recognize a single LF as a line terminator". This one
            // does not: such repairs are how two parsers come to disagree.
            guard lineFeed > lineStart, bytes[lineFeed - 1] == ASCII.carriageReturn else {
                throw HTTPError(.badRequest, "A line ends in LF alone; HTTP lines end in CR LF.")
            }
            let line = lineStart..<(lineFeed - 1)
            lineStart = lineFeed + 1
            if sectionStart == nil {
                // RFC 9112, 2.2: "a server ... SHOULD ignore at least one empty line (CRLF)
                // received prior to the request-line."
                if line.isEmpty, !skippedEmptyLine {
                    skippedEmptyLine = true
                    continue
                }
                try parseRequestLine(bytes, line)
                sectionStart = lineStart
            } else if line.isEmpty {
                try finish(bytes)
                return .complete(end: lineStart)
            } else {
                guard head.fields.count < limits.headerFields else {
                    throw HTTPError(
                        .headerFieldsTooLarge,
                        "There are more than \(limits.headerFields) header fields.")
                }
                try parseField(bytes, line)
            }
        }
    }

    /// Refuses a request line as soon as its start shows that it is invalid or too long.
    private func checkRequestLineStart(
        _ line: UnsafeRawBufferPointer, limits: HTTPLimits
    ) throws(HTTPError) {
        let methodEnd = line.firstIndex { !ASCII.isToken($0) } ?? line.count
        guard methodEnd <= limits.methodBytes else {
            throw HTTPError(.badRequest, "The method is longer than \(limits.methodBytes) bytes.")
        }
        guard methodEnd < line.count else { return }
        // This may become an empty line.
        if methodEnd == 0, line.count == 1, line[0] == ASCII.carriageReturn { return }
        guard methodEnd > 0, line[methodEnd] == ASCII.space else {
            throw HTTPError(
                .badRequest,
                "This is not HTTP: a request begins with a method, a space, a target, as in 'GET / HTTP/1.1'."
            )
        }
        let targetStart = methodEnd + 1
        let targetEnd = line.firstOffset(of: ASCII.space, from: targetStart) ?? line.count
        guard targetEnd - targetStart <= limits.targetBytes else {
            throw HTTPError(
                .uriTooLong, "The request target is longer than \(limits.targetBytes) bytes.")
        }
        // A space, the version, and the CR of the line end.
        guard line.count - targetEnd <= 1 + Self.versionBytes + 1 else { throw Self.noVersion }
    }

    private static let versionBytes = 8
    private static let noVersion = HTTPError(
        .badRequest, "The request line does not end in an HTTP version such as HTTP/1.1.")

    /// RFC 9112, 3: request-line = method SP request-target SP HTTP-version
    private mutating func parseRequestLine(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>
    ) throws(HTTPError) {
        let malformed = HTTPError(
            .badRequest,
            "The request line is not a method, a target and a version, separated by single spaces.")
        guard let methodEnd = bytes.firstOffset(of: ASCII.space, from: line.lowerBound),
            methodEnd < line.upperBound,
            let targetEnd = bytes.firstOffset(of: ASCII.space, from: methodEnd + 1),
            targetEnd < line.upperBound
        else { throw malformed }
        let target = (methodEnd + 1)..<targetEnd
        try parseVersion(bytes.slice((targetEnd + 1)..<line.upperBound))
        guard !target.isEmpty else { throw malformed }
        let method = bytes.slice(line.lowerBound..<methodEnd)
        head.method = HTTPMethod(token: method)
        try parseTarget(bytes, target)
    }

    private mutating func parseVersion(_ version: UnsafeRawBufferPointer) throws(HTTPError) {
        guard version.count == Self.versionBytes, version.slice(0..<5).equals("HTTP/"),
            ASCII.isDigit(version[5]),
            version[6] == UInt8(ascii: "."), ASCII.isDigit(version[7])
        else { throw Self.noVersion }
        guard version[5] == UInt8(ascii: "1") else {
            throw HTTPError(.versionNotSupported, "This server speaks HTTP/1.1 and HTTP/1.0.")
        }
        head.isHTTP11 = version[7] != UInt8(ascii: "0")
    }

    private mutating func parseTarget(
        _ bytes: UnsafeRawBufferPointer, _ target: Range<Int>
    ) throws(HTTPError) {
        var offset = target.lowerBound
        while offset < target.upperBound {
            let byte = bytes[offset]
            guard byte > ASCII.space, byte < 0x7F, byte != UInt8(ascii: "#") else {
                throw HTTPError(
                    .badRequest,
                    "The request target holds a byte that must be percent-encoded (control, non-ASCII or '#')."
                )
            }
            if byte == UInt8(ascii: "%") {
                guard offset + 2 < target.upperBound, ASCII.hexValue(bytes[offset + 1]) != nil,
                    ASCII.hexValue(bytes[offset + 2]) != nil
                else {
                    throw HTTPError(
                        .badRequest,
                        "The request target holds a '%' that is not followed by two hexadecimal digits."
                    )
                }
            }
            offset += 1
        }
        if bytes[target.lowerBound] == UInt8(ascii: "/") {
            head.target = split(bytes, target)
        } else if target.count == 1, bytes[target.lowerBound] == UInt8(ascii: "*"),
            head.method == .options
        {
            head.target = .asterisk
        } else {
            head.target = try parseAbsoluteTarget(bytes, target)
        }
    }

    /// RFC 9112, 3.2.2: "A server MUST accept the absolute-form in requests".
    private mutating func parseAbsoluteTarget(
        _ bytes: UnsafeRawBufferPointer, _ target: Range<Int>
    ) throws(HTTPError) -> RequestHead.Target {
        let text = bytes.slice(target)
        let schemeLength: Int
        if text.count > 7, text.slice(0..<7).equalsIgnoringCase("http://") {
            schemeLength = 7
        } else if text.count > 8, text.slice(0..<8).equalsIgnoringCase("https://") {
            schemeLength = 8
        } else if head.method == nil, text.allSatisfy({ $0 != UInt8(ascii: "/") }) {
            // RFC 9112, 3.2.3: the authority-form is for CONNECT alone, which is not implemented
            // here.
            return .asterisk
        } else {
            throw HTTPError(
                .badRequest, "The request target is neither a path ('/...') nor an http URL.")
        }
        let authorityStart = target.lowerBound + schemeLength
        let authorityEnd =
            bytes[authorityStart..<target.upperBound].firstIndex {
                $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?")
            } ?? target.upperBound
        guard HostField.isValid(bytes.slice(authorityStart..<authorityEnd)) else {
            throw HTTPError(.badRequest, "The request target's host is not valid.")
        }
        authority = authorityStart..<authorityEnd
        // RFC 9112, 3.2.4: an OPTIONS request whose target "has an empty path and no query
        // component" is forwarded with "*".
        if authorityEnd == target.upperBound, head.method == .options { return .asterisk }
        return split(bytes, authorityEnd..<target.upperBound)
    }

    /// Splits a path from its query. An empty path is `/` (RFC 9110, 4.2.3).
    private func split(_ bytes: UnsafeRawBufferPointer, _ target: Range<Int>) -> RequestHead.Target
    {
        guard
            let mark = bytes.firstOffset(of: UInt8(ascii: "?"), from: target.lowerBound),
            mark < target.upperBound
        else { return .path(target, query: nil) }
        return .path(target.lowerBound..<mark, query: (mark + 1)..<target.upperBound)
    }

    /// RFC 9112, 5: field-line = field-name ":" OWS field-value OWS
    private mutating func parseField(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>
    ) throws(HTTPError) {
        let field = try HeaderLine.parse(bytes, line)
        head.fields.append(field)
        let name = bytes.slice(field.name)
        let value = bytes.slice(field.value)
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            hostCount += 1
            head.host = field.value
        case 6 where name.equalsIgnoringCase("expect"):
            parseExpect(value)
        case 10 where name.equalsIgnoringCase("connection"):
            parseConnection(value)
        case 14 where name.equalsIgnoringCase("content-length"):
            guard contentLength == nil else {
                throw HTTPError(.badRequest, "Content-Length appears twice.")
            }
            contentLength = try HeaderLine.parseLength(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            try coding.add(value)
        default:
            break
        }
    }

    /// RFC 9110, 10.1.1: Expect = #expectation
    private mutating func parseExpect(_ value: UnsafeRawBufferPointer) {
        for expectation in value.split(separator: UInt8(ascii: ",")) {
            let expectation = UnsafeRawBufferPointer(rebasing: expectation).trimmingBlanks()
            if expectation.equalsIgnoringCase("100-continue") {
                head.expectsContinue = true
            } else if !expectation.isEmpty {
                head.hasUnknownExpectation = true
            }
        }
    }

    private mutating func parseConnection(_ value: UnsafeRawBufferPointer) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            let option = UnsafeRawBufferPointer(rebasing: option).trimmingBlanks()
            if option.equalsIgnoringCase("close") {
                saysClose = true
            } else if option.equalsIgnoringCase("keep-alive") {
                saysKeepAlive = true
            }
        }
    }

    /// Judges the whole head: persistence, the host, and the body's framing.
    private mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) {
        // RFC 9112, 9.3: "close" comes first, then the version, then, for 1.0, "keep-alive".
        head.keepsAlive = !saysClose && (head.isHTTP11 || saysKeepAlive)
        // RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status code to any
        // HTTP/1.1 request message that lacks a Host header field and to any request message that
        // contains more than one Host header field line or a Host header field with an invalid
        // field value."
        guard hostCount == 1 || (hostCount == 0 && !head.isHTTP11) else {
            throw HTTPError(.badRequest, "A request has one Host field; this one has \(hostCount).")
        }
        if let host = head.host {
            let host = bytes.slice(host)
            guard HostField.isValid(host) else {
                throw HTTPError(.badRequest, "The Host field is not a host with an optional port.")
            }
            // RFC 9112, 3.2.2 has an origin server ignore Host beside an absolute target. Refusing
            // one that differs is stricter: two servers would disagree on the site.
            if let authority, !bytes.slice(authority).equalsIgnoringCase(host) {
                throw HTTPError(.badRequest, "The Host field contradicts the request target.")
            }
        } else {
            head.host = authority
        }
        if coding.isPresent {
            // RFC 9112, 6.1: with Transfer-Encoding in 1.0, "the framing is faulty". 6.3: beside
            // Content-Length, it "ought to be handled as an error".
            guard head.isHTTP11 else {
                throw HTTPError(.badRequest, "HTTP/1.0 has no Transfer-Encoding.")
            }
            guard contentLength == nil else {
                throw HTTPError(
                    .badRequest, "A request cannot have both Content-Length and Transfer-Encoding.")
            }
            try coding.check()
            head.framing = .chunked
        } else if let contentLength {
            head.framing = contentLength == 0 ? .none : .length(contentLength)
        }
    }
}
