import Foundation

/// A TCP connection, plain or under TLS, that blocks up to `Patience`.
final class RawClient {
    private let descriptor: Int32
    private var session: TLSClient?
    private var received: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

    /// True if an answer has begun to arrive and is incomplete.
    private(set) var isInAnswer = false
    /// True if the server has closed its side, which a reset does not.
    private(set) var hasEnded = false

    /// Connects.
    ///
    /// - Parameter isNarrow: true for small buffers between server and client, so that the server's
    ///   writes block soon.
    init(port: UInt16, isSecure: Bool = false, isNarrow: Bool = false) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(O_CLOEXEC), 0)
        guard descriptor >= 0 else { throw HarnessError("no socket: errno \(errno)") }
        var timeout = timeval(tv_sec: Patience.seconds, tv_usec: 0)
        let timeoutSize = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, timeoutSize)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, timeoutSize)
        // Pieces sent separately should arrive separately.
        var one: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        if isNarrow {
            var size: Int32 = 4096
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            throw HarnessError("cannot connect: \(String(cString: strerror(errno)))")
        }
        if isSecure { session = try TLSClient(on: descriptor) }
    }

    deinit { close(descriptor) }

    // MARK: Sending

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                session?.send($0)
                    ?? Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw HarnessError("cannot send: \(String(cString: strerror(errno)))")
            }
            sent += count
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends the bytes that the system takes at once, and returns their number.
    func offer(_ bytes: ArraySlice<UInt8>) throws -> Int {
        let count = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return 0 }
        guard count >= 0 else {
            throw HarnessError("cannot send: \(String(cString: strerror(errno)))")
        }
        return count
    }

    /// Closes the sending side but still reads.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Makes this connection end with a reset.
    func resetAtEnd() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// A request with a body of known length, if any.
    static func request(
        _ method: String, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
    ) -> String {
        var request = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        if let body { request += "Content-Length: \(body.utf8.count)\r\n" }
        return request + "\r\n" + (body ?? "")
    }

    /// Sends a request and reads its answer; the connection stays open.
    func exchange(
        _ method: String, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
    ) throws -> RawResponse {
        try send(Self.request(method, target, body, headers: headers))
        return try readResponse(toHead: method == "HEAD")
    }

    // MARK: Reading

    /// Reads one response, including interim ones (1xx), and keeps the following bytes for the
    /// next.
    func readResponse(toHead: Bool = false) throws -> RawResponse {
        let end = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        isInAnswer = !received.isEmpty
        while headEnd == nil {
            headEnd = received.firstRange(of: end)?.lowerBound
            if headEnd == nil, try !receive() {
                throw HarnessError("the connection ended after \(received.count) bytes of a head")
            }
        }
        guard let headEnd else { throw HarnessError("unreachable") }
        var response = try RawResponse(head: received[..<headEnd])
        received.removeFirst(headEnd + end.count)
        guard !toHead, response.status >= 200, response.status != 204, response.status != 304 else {
            isInAnswer = false
            return response
        }
        guard let length = response.header("Content-Length").flatMap({ Int($0) }) else {
            throw HarnessError("a response without Content-Length: \(response)")
        }
        while received.count < length {
            guard try receive() else { throw HarnessError("the connection ended in a body") }
        }
        response.body = Array(received[..<length])
        received.removeFirst(length)
        isInAnswer = false
        return response
    }

    /// True if something can be read without waiting.
    var hasInput: Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, 0) == 1
    }

    /// Reads until the server closes the connection; throws if it does not.
    func readToEnd() throws -> [UInt8] {
        while try receive() {}
        defer { received = [] }
        return received
    }

    /// Reads the first bytes to arrive.
    func readSome() throws { _ = try receive() }

    /// Reads until the server ends the connection, in whatever way.
    func readToAnyEnd() {
        do {
            _ = try readToEnd()
        } catch {
            received = []
        }
    }

    /// Receives bytes; false at the end.
    private func receive() throws -> Bool {
        while true {
            let count =
                session?.receive(into: &buffer) ?? recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw HarnessError("cannot receive: \(String(cString: strerror(errno)))")
            }
            received += buffer[..<count]
            isInAnswer = isInAnswer || count > 0
            hasEnded = count == 0
            return count > 0
        }
    }
}
