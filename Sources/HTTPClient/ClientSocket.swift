import CLinux
import Glibc
import System
import TLS

/// A connected, non-blocking socket, plain or with TLS.
final class ClientSocket {
    /// The bounds on sending and receiving.
    var waiting: Waiting
    private let descriptor: Int32
    private var session: TLSSession?

    /// Connects to `address`.
    ///
    /// - Parameter context: the trusted authorities; required for a TLS address.
    init(
        _ address: ServerAddress, _ context: TLSContext?, _ waiting: Waiting
    ) throws(HTTPClientError) {
        self.waiting = waiting
        switch address.endpoint {
        case .unix(let path):
            descriptor = try Self.connect(path: path, waiting)
        case .tcp(let host, let port):
            descriptor = try Self.connect(host, port, waiting)
            keepAlive()
            if let context { try encrypt(context, host) }
        }
    }

    deinit { close(descriptor) }

    // MARK: Bytes

    /// Sends all of `bytes`.
    func send(_ bytes: UnsafeRawBufferPointer) throws(HTTPClientError) {
        var sent = 0
        while sent < bytes.count {
            try waiting.check("send")
            let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
            let outcome =
                session?.send(rest)
                ?? Self.outcome(
                    retryingInterrupts { clinux_send(descriptor, rest.baseAddress, rest.count) })
            switch outcome {
            case .bytes(let count): sent += count
            case .wouldBlock:
                let wantsRead = session?.writeWantsRead ?? false
                try waiting.wait(for: wantsRead ? POLLIN : POLLOUT, of: descriptor, to: "send")
            case .ended, .failed: throw failure("send")
            }
        }
    }

    /// Receives into `buffer`.
    ///
    /// - Returns: the number of bytes; 0 at the end of the connection.
    func receive(_ buffer: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int {
        while true {
            try waiting.check("receive")
            let outcome =
                session?.read(into: buffer)
                ?? Self.outcome(
                    retryingInterrupts { recv(descriptor, buffer.baseAddress, buffer.count, 0) })
            switch outcome {
            case .bytes(let count): return count
            case .ended: return 0
            case .wouldBlock:
                let wantsWrite = session?.readWantsWrite ?? false
                try waiting.wait(for: wantsWrite ? POLLOUT : POLLIN, of: descriptor, to: "receive")
            case .failed: throw failure("receive")
            }
        }
    }

    /// Returns true if bytes or the end have arrived, or arrive within `time`.
    func isReady(within time: Duration) throws(HTTPClientError) -> Bool {
        if session?.hasBuffered == true { return true }
        return try waiting.isReady(for: POLLIN, of: descriptor, within: time, to: "receive")
    }

    /// Makes the system detect within a minute that the other machine is gone, or that a router on
    /// the way has forgotten the connection.
    private func keepAlive() {
        for (level, name, value) in [
            (SOL_SOCKET, SO_KEEPALIVE, 1), (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30),
            (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10), (Int32(IPPROTO_TCP), TCP_KEEPCNT, 3),
        ] {
            // If it fails, deadlines detect that later.
            _ = clinux_set_option(descriptor, level, name, Int32(value))
        }
    }

    private static func outcome(_ count: Int) -> SocketOutcome {
        guard count < 0 else { return .bytes(count) }
        return errno == EAGAIN || errno == EWOULDBLOCK ? .wouldBlock : .failed
    }

    /// The error of the operation that has just failed.
    private func failure(_ action: String) -> HTTPClientError {
        guard let session else { return .failed(to: action) }
        guard session.systemError == 0 else {
            return .failed(to: action, code: session.systemError)
        }
        return HTTPClientError(
            .unreachable,
            TLSError(action, reason: session.peerError ?? TLSError.noReason).description)
    }

    // MARK: TLS

    private func encrypt(_ context: TLSContext, _ host: String) throws(HTTPClientError) {
        let session: TLSSession
        do throws(TLSError) {
            session = try .connecting(context, descriptor: descriptor, to: host)
        } catch {
            throw HTTPClientError(.unusable, error.description)
        }
        self.session = session
        while true {
            switch session.handshake() {
            case .done: return
            case .wantsRead: try waiting.wait(for: POLLIN, of: descriptor, to: "begin TLS")
            case .wantsWrite: try waiting.wait(for: POLLOUT, of: descriptor, to: "begin TLS")
            case .plainHTTP, .failed:
                guard let reason = session.distrust else { throw failure("begin TLS") }
                throw HTTPClientError(
                    .untrusted, "the server's certificate is not trusted: \(reason)")
            }
        }
    }

    // MARK: Connecting

    private static func connect(path: String, _ waiting: Waiting) throws(HTTPClientError) -> Int32 {
        guard var name = sockaddr_un(path: path) else {
            throw HTTPClientError(.unusable, "the path is too long for a socket")
        }
        return try withUnsafeBytes(of: &name) { bytes throws(HTTPClientError) in
            try connect(AF_UNIX, bytes, waiting)
        }
    }

    /// Tries the addresses of `host` in turn: a name such as localhost has several, and the server
    /// may not listen on all of them.
    private static func connect(
        _ host: String, _ port: String, _ waiting: Waiting
    ) throws(HTTPClientError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, port, &hints, &found)
        guard result == 0, let found else {
            throw HTTPClientError(
                .unreachable, "cannot find \(host): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(found) }
        var next: UnsafeMutablePointer<addrinfo>? = found
        var failure = HTTPClientError(.unreachable, "\(host) has no address")
        while let address = next {
            next = address.pointee.ai_next
            let name = UnsafeRawBufferPointer(
                start: address.pointee.ai_addr, count: Int(address.pointee.ai_addrlen))
            do throws(HTTPClientError) {
                return try connect(address.pointee.ai_family, name, waiting)
            } catch {
                failure = error
            }
            try waiting.check("connect")
        }
        throw failure
    }

    private static let roomPause = Duration.milliseconds(10)

    private static func connect(
        _ family: Int32, _ name: UnsafeRawBufferPointer, _ waiting: Waiting
    ) throws(HTTPClientError) -> Int32 {
        let descriptor = clinux_socket(family)
        guard descriptor >= 0 else { throw .failed(to: "connect") }
        do throws(HTTPClientError) {
            let end = ContinuousClock.now + waiting.timeout
            while Glibc.connect(
                descriptor, name.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(name.count)) != 0
            {
                if errno == EINPROGRESS || errno == EINTR {
                    try waiting.wait(for: POLLOUT, of: descriptor, to: "connect")
                    let code = outcome(of: descriptor)
                    guard code == 0 else { throw .failed(to: "connect", code: code) }
                    break
                }
                // A Unix socket whose listener's backlog is full (connect(2)).
                guard errno == EAGAIN else { throw .failed(to: "connect") }
                guard ContinuousClock.now < end else { throw .timedOut("connect") }
                try waiting.pause(roomPause, to: "connect")
            }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// The outcome of connecting: 0, or a value of `errno`.
    private static func outcome(of descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
    }
}
