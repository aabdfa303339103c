/// A connection to a server: a request, its answer, and then the next request. Memory is bounded by
/// the buffer and by what the caller keeps.
public final class HTTPConnection {
    /// The head of an answer.
    public struct Head: Sendable {
        /// The status code: 200 to 599 if the server obeys RFC 9110.
        public let status: Int
        /// The reason phrase after the status.
        public let reason: String
        /// The fields in their order, with names in lower case.
        public fileprivate(set) var fields: [(name: String, value: String)] = []

        /// The value of the field `name`, in lower case.
        public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    /// The end of the body (RFC 9112, 6.3).
    private enum Framing {
        case bytes(left: Int)
        case chunked(left: Int)
        case untilClose
        case ended
    }

    private let socket: ClientSocket
    private let buffer: UnsafeMutableRawBufferPointer
    /// The part of the buffer that has been received but not taken.
    private var unread = 0..<0
    private var framing = Framing.ended
    /// True if another request may follow on this connection.
    private(set) var isReusable = true

    private static let bufferBytes = 256 * 1024
    /// The longest head. A longer one is not ours.
    private static let headBytes = 64 * 1024

    init(_ socket: ClientSocket) {
        self.socket = socket
        buffer = .allocate(byteCount: Self.bufferBytes, alignment: 1)
    }

    deinit { buffer.deallocate() }

    // MARK: Requests

    /// Sends a request and receives the head of its answer. The previous answer must have been read
    /// to its end.
    ///
    /// - Parameter waiting: the bounds on this, and on the body's arrival.
    func exchange(
        _ method: String, _ target: String, _ fields: [(name: String, value: String)],
        _ body: [UInt8]?, _ waiting: Waiting
    ) throws(HTTPClientError) -> Head {
        guard case .ended = framing else {
            preconditionFailure("an answer was not read to its end")
        }
        socket.waiting = waiting
        var request = "\(method) \(target) HTTP/1.1\r\n"
        for (name, value) in fields { request += "\(name): \(value)\r\n" }
        if let body { request += "Content-Length: \(body.count)\r\n" }
        request += "\r\n"
        let bytes = Array(request.utf8) + (body ?? [])
        // It becomes reusable when the answer has been read to its end.
        isReusable = false
        do throws(HTTPClientError) {
            try bytes.span.withUnsafeBytes { bytes throws(HTTPClientError) in try socket.send(bytes)
            }
        } catch {
            // A server that refuses a body answers without reading it.
            guard body != nil, unread.isEmpty, let head = Self.headIfAny(self) else { throw error }
            return head
        }
        return try receiveHead(for: method)
    }

    private static func headIfAny(_ connection: HTTPConnection) -> Head? {
        do throws(HTTPClientError) { return try connection.receiveHead(for: "POST") } catch {
            return nil
        }
    }

    private func receiveHead(for method: String) throws(HTTPClientError) -> Head {
        var head: Head
        repeat {
            head = try receiveOneHead()
        } while (100..<200).contains(head.status)
        let encoding = head["transfer-encoding"]
        if method == "HEAD" || head.status == 204 || head.status == 304 {
            framing = .ended
        } else if encoding?.hasSuffix("chunked") == true {
            framing = .chunked(left: 0)
        } else if let length = head["content-length"] {
            guard let count = Int(length), count >= 0 else { throw Self.notHTTP }
            framing = .bytes(left: count)
        } else {
            framing = .untilClose
        }
        mayClose = head["connection"]?.contains("close") == true
        endIfDone()
        return head
    }

    private var mayClose = false

    private func receiveOneHead() throws(HTTPClientError) -> Head {
        var size = 0
        let line = try receiveLine(&size)
        // "HTTP/1.1 200 OK"
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
            throw Self.notHTTP
        }
        var head = Head(status: status, reason: parts.count > 2 ? String(parts[2]) : "")
        while true {
            let line = try receiveLine(&size)
            if line.isEmpty { return head }
            guard let colon = line.firstIndex(of: ":") else { throw Self.notHTTP }
            let value = line[line.index(after: colon)...]
            head.fields.append(
                (line[..<colon].lowercased(), String(value.drop { $0 == " " || $0 == "\t" })))
        }
    }

    // MARK: Bodies

    /// Appends the next piece of the body as soon as there is one; at most 256 KiB.
    ///
    /// - Returns: false at the body's end.
    /// - Throws: also if the connection ends before the body does.
    public func receivePiece(to output: inout [UInt8]) throws(HTTPClientError) -> Bool {
        switch framing {
        case .ended:
            return false
        case .untilClose:
            guard try hasUnread() else {
                framing = .ended
                return false
            }
            take(unread.count, &output)
        case .bytes(let left):
            guard try hasUnread() else { throw Self.brokenOff }
            let count = min(left, unread.count)
            take(count, &output)
            framing = .bytes(left: left - count)
        case .chunked(0):
            guard try beginChunk() else { return false }
            return try receivePiece(to: &output)
        case .chunked(let left):
            guard try hasUnread() else { throw Self.brokenOff }
            let count = min(left, unread.count)
            take(count, &output)
            framing = .chunked(left: left - count)
            if count == left { try expectLineEnd() }
        }
        endIfDone()
        return true
    }

    /// Returns true if a piece of the body or its end has begun to arrive, or does within `time`.
    public func isReady(within time: Duration) throws(HTTPClientError) -> Bool {
        if case .ended = framing { return true }
        if !unread.isEmpty { return true }
        return try socket.isReady(within: time)
    }

    /// Limits each wait for the rest of the answer.
    public func setTimeout(_ timeout: Duration) { socket.waiting.timeout = timeout }

    /// Receives the whole body. More than `limit` bytes are an error.
    public func receiveBody(limit: Int = 64 * 1024 * 1024) throws(HTTPClientError) -> [UInt8] {
        var body: [UInt8] = []
        while try receivePiece(to: &body) {
            guard body.count <= limit else {
                throw HTTPClientError(.unusable, "the answer is too long")
            }
        }
        return body
    }

    private func endIfDone() {
        if case .bytes(0) = framing { framing = .ended }
        if case .ended = framing { isReusable = !mayClose }
    }

    /// Reads the line with a chunk's size; false for the last chunk, whose trailers are skipped.
    private func beginChunk() throws(HTTPClientError) -> Bool {
        var size = 0
        let line = try receiveLine(&size)
        let digits = line.prefix { $0 != ";" && $0 != " " }
        guard let count = Int(digits, radix: 16), count >= 0 else { throw Self.notHTTP }
        framing = .chunked(left: count)
        guard count == 0 else { return true }
        while try !receiveLine(&size).isEmpty {}
        framing = .ended
        endIfDone()
        return false
    }

    private func expectLineEnd() throws(HTTPClientError) {
        var size = 0
        guard try receiveLine(&size).isEmpty else { throw Self.notHTTP }
    }

    // MARK: Bytes

    /// Moves bytes from the buffer.
    private func take(_ count: Int, _ output: inout [UInt8]) {
        let end = unread.lowerBound + count
        output += buffer[unread.lowerBound..<end]
        unread = end..<unread.upperBound
    }

    /// True if there are bytes to take, after waiting for them; false at the end of the connection.
    private func hasUnread() throws(HTTPClientError) -> Bool {
        if !unread.isEmpty { return true }
        return try fill()
    }

    /// Receives into the buffer, which must be empty; false at the end of the connection.
    private func fill() throws(HTTPClientError) -> Bool {
        let count = try socket.receive(buffer)
        unread = 0..<count
        return count > 0
    }

    /// Receives a line and returns it without its end; `size` is the number of bytes of the head so
    /// far.
    private func receiveLine(_ size: inout Int) throws(HTTPClientError) -> String {
        var line: [UInt8] = []
        while true {
            guard try hasUnread() else {
                throw size == 0 && line.isEmpty ? Self.noAnswer : Self.brokenOff
            }
            let end = buffer[unread].firstIndex(of: UInt8(ascii: "\n"))
            take((end.map { $0 + 1 } ?? unread.upperBound) - unread.lowerBound, &line)
            guard size + line.count <= Self.headBytes else { throw Self.notHTTP }
            guard end == nil else { break }
        }
        size += line.count
        line.removeLast()
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }

    private static let notHTTP = HTTPClientError(.unusable, "the answer is not HTTP")
    private static let noAnswer = HTTPClientError(.unreachable, "no answer")
    private static let brokenOff = HTTPClientError(.unreachable, "the answer broke off")
}
