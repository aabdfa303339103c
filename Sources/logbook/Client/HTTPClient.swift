import Glibc
import HTTPServer

/// As much of an HTTP client as a probe and a backup need: a GET on a connection of its own, of which
/// the status is read, or the body stored.
struct HTTPClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What stands in the Host field.
    private let authority: String
    private let address: Address
    private let timeoutSeconds: Int

    private enum Address {
        case tcp(host: String, port: String)
        case unix(path: String)
    }

    /// nil when `server` is not `http://HOST:PORT`, `http://HOST` or `unix:PATH`.
    init?(server: String, timeoutSeconds: Int) {
        self.timeoutSeconds = timeoutSeconds
        if case .unix(let path) = ListenAddress(server) {
            address = .unix(path: path)
            authority = "localhost"
            return
        }
        guard server.hasPrefix("http://") else { return nil }
        var authority = server.dropFirst("http://".count)
        if authority.hasSuffix("/") { authority.removeLast() }
        guard !authority.isEmpty, !authority.contains("/") else { return nil }
        let colon = authority.lastIndex(of: ":").flatMap {
            authority[$0...].contains("]") ? nil : $0
        }
        let host = authority[..<(colon ?? authority.endIndex)].filter { $0 != "[" && $0 != "]" }
        let port = colon.map { String(authority[authority.index(after: $0)...]) } ?? "80"
        guard UInt16(port) != nil, !host.isEmpty else { return nil }
        address = .tcp(host: host, port: port)
        self.authority = String(authority)
    }

    /// The status that a GET of `path` is answered with.
    func status(of path: String) throws -> Int {
        let descriptor = try connect()
        defer { close(descriptor) }
        let request = "GET \(path) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\r\n"
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

    /// Writes the body that a GET of `path` is answered with to `descriptor`. In HTTP/1.0 it ends with
    /// the connection, so whether it is whole has to show in what it is.
    func download(_ path: String, to descriptor: Int32) throws {
        let connection = try connect()
        defer { close(connection) }
        let request = "GET \(path) HTTP/1.0\r\nHost: \(authority)\r\n\r\n"
        guard
            send(connection, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count
        else {
            throw failure("send")
        }
        var head: [UInt8]? = []
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count >= 0 else { throw failure("receive") }
            guard count > 0 else { break }
            guard var unfinished = head else {
                try store(buffer[..<count], descriptor)
                continue
            }
            unfinished += buffer[..<count]
            head = unfinished
            guard let end = Self.endOfHead(unfinished) else {
                guard unfinished.count < Self.headLimit else {
                    throw Failure(description: "the answer is not HTTP")
                }
                continue
            }
            try Self.check(unfinished, end)
            try store(unfinished[end...], descriptor)
            head = nil
        }
        guard head == nil else { throw Failure(description: "no answer") }
    }

    private static let headLimit = 16 * 1024

    /// The place behind the empty line.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard bytes.count >= end.count else { return nil }
        return (end.count...bytes.count).first { bytes[($0 - end.count)..<$0].elementsEqual(end) }
    }

    private static func check(_ answer: [UInt8], _ end: Int) throws {
        let line = String(decoding: answer.prefix { $0 != 0x0D }, as: UTF8.self)
        guard line.hasPrefix("HTTP/1.") else {
            throw Failure(description: "the answer is not HTTP")
        }
        guard line.dropFirst("HTTP/1.1 ".count).hasPrefix("200") else {
            let detail = String(decoding: answer[end...], as: UTF8.self)
            throw Failure(description: "answered \(line.dropFirst("HTTP/1.1 ".count)): \(detail)")
        }
    }

    private func store(_ bytes: ArraySlice<UInt8>, _ descriptor: Int32) throws {
        var left = bytes
        while !left.isEmpty {
            let count = left.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw failure("write") }
            left = left.dropFirst(count)
        }
    }

    private func connect() throws -> Int32 {
        switch address {
        case .tcp(let host, let port): return try connect(host, port)
        case .unix(let path):
            guard var name = sockaddr_un(path: path) else {
                throw Failure(description: "the path is too long")
            }
            return try withUnsafePointer(to: &name) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    try connect(AF_UNIX, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }

    private func connect(_ host: String, _ port: String) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &found) == 0, let found else {
            throw Failure(description: "no such host")
        }
        defer { freeaddrinfo(found) }
        return try connect(
            found.pointee.ai_family, found.pointee.ai_addr, found.pointee.ai_addrlen)
    }

    private func connect(
        _ family: Int32, _ name: UnsafePointer<sockaddr>, _ nameSize: socklen_t
    ) throws -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw failure("open a socket") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size) == 0,
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size) == 0,
            Glibc.connect(descriptor, name, nameSize) == 0
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
