import Glibc

/// As much of an HTTP/1.1 client as a probe needs: a GET on a connection of its own, of which the
/// status is read.
struct HTTPClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let host, port: String
    private let timeoutSeconds: Int

    /// nil when `server` is not `http://HOST:PORT` or `http://HOST`.
    init?(server: String, timeoutSeconds: Int) {
        guard server.hasPrefix("http://") else { return nil }
        var authority = server.dropFirst("http://".count)
        if authority.hasSuffix("/") { authority.removeLast() }
        guard !authority.isEmpty, !authority.contains("/") else { return nil }
        let colon = authority.lastIndex(of: ":").flatMap {
            authority[$0...].contains("]") ? nil : $0
        }
        host = authority[..<(colon ?? authority.endIndex)].filter { $0 != "[" && $0 != "]" }
        port = colon.map { String(authority[authority.index(after: $0)...]) } ?? "80"
        guard UInt16(port) != nil, !host.isEmpty else { return nil }
        self.timeoutSeconds = timeoutSeconds
    }

    /// The status that a GET of `path` is answered with.
    func status(of path: String) throws -> Int {
        let descriptor = try connect()
        defer { close(descriptor) }
        let name = host.contains(":") ? "[\(host)]" : host
        let request = "GET \(path) HTTP/1.1\r\nHost: \(name):\(port)\r\nConnection: close\r\n\r\n"
        guard
            send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count
        else {
            throw failure("send")
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while answer.count < 12 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw count == 0 ? Failure(description: "no answer") : failure("receive")
            }
            answer += buffer[..<count]
        }
        // "HTTP/1.1 200"
        let line = String(decoding: answer.prefix(12), as: UTF8.self)
        guard line.hasPrefix("HTTP/1."), let status = Int(line.suffix(3)) else {
            throw Failure(description: "the answer is not HTTP")
        }
        return status
    }

    private func connect() throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &found) == 0, let found else {
            throw Failure(description: "no such host")
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(found.pointee.ai_family, found.pointee.ai_socktype, 0)
        guard descriptor >= 0 else { throw failure("open a socket") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size) == 0,
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size) == 0,
            Glibc.connect(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0
        else {
            let error = failure("connect")
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private func failure(_ action: String) -> Failure {
        Failure(description: "cannot \(action): \(String(cString: strerror(errno)))")
    }
}
