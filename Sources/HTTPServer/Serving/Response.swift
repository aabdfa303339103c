/// An answer being written: status, header fields, body. The server adds Date, Content-Length and
/// Connection.
public struct Response: Sendable {
    /// The status; `200` unless the handler says otherwise.
    public var status = HTTPStatus.ok
    /// The Content-Type; nil for an answer without a body.
    public var contentType: StaticString? = "application/json"
    /// The body, whole.
    public var body: [UInt8] = []
    /// Makes the body piece by piece, instead of `body`; nil for a whole body.
    public var source: BodySource?
    /// True if `source` reports events as they happen. Its client has no minimum rate.
    public var isLive = false
    /// The time after which a live answer ends, complete; nil for never.
    public var lifetime: Duration?
    /// Further field lines, each ending in CR LF.
    private(set) var fields: [UInt8] = []

    /// Creates an empty `200`.
    public init() {}

    /// Adds a field. Bytes that could end the line (CR, LF, NUL) become spaces.
    public mutating func addHeader(_ name: StaticString, _ value: [UInt8]) {
        fields.append(name)
        fields.append(": ")
        for byte in value {
            let endsLine = byte == ASCII.carriageReturn || byte == ASCII.lineFeed || byte == 0
            fields.append(endsLine ? ASCII.space : byte)
        }
        fields.append("\r\n")
    }

    /// Adds a field whose value is a constant.
    public mutating func addHeader(_ name: StaticString, _ value: StaticString) {
        fields.append(name)
        fields.append(": ")
        fields.append(value)
        fields.append("\r\n")
    }

    /// Makes this an empty `200` again and keeps the body's space up to a bound.
    mutating func clear() {
        status = .ok
        contentType = "application/json"
        source = nil
        isLive = false
        lifetime = nil
        body.removeAll(keepingCapacity: body.capacity <= Response.keptCapacity)
        fields.removeAll(keepingCapacity: true)
    }

    private static let keptCapacity = 1024 * 1024

    /// Appends the answer in wire format (RFC 9112, section 4).
    func write(
        to output: inout [UInt8], date: [UInt8], isChunked: Bool, closes: Bool, omitsBody: Bool
    ) {
        let code = status.code
        output.append("HTTP/1.1 ")
        output.appendDecimal(code)
        output.append(" ")
        output.append(status.reason)
        output.append("\r\n")
        output.append(contentsOf: date)
        // RFC 9110, 8.6: "A server MUST NOT send a Content-Length header field in any response with
        // a status code of 1xx (Informational) or 204 (No Content)."
        let hasContent = code != 204 && code != 304
        if let contentType, hasContent, !body.isEmpty || source != nil {
            output.append("Content-Type: ")
            output.append(contentType)
            output.append("\r\n")
        }
        if isChunked {
            output.append("Transfer-Encoding: chunked\r\n")
        } else if hasContent, source == nil {
            output.append("Content-Length: ")
            output.appendDecimal(body.count)
            output.append("\r\n")
        }
        output.append("X-Content-Type-Options: nosniff\r\n")
        output.append(contentsOf: fields)
        if closes { output.append("Connection: close\r\n") }
        output.append("\r\n")
        if hasContent, !omitsBody, source == nil { output.append(contentsOf: body) }
    }
}
