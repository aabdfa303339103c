import CLinux
import COpenSSL
import Glibc
import System

/// A connected, non-blocking socket, plain or with TLS.
final class ClientSocket {
    /// Bounds what sending and receiving wait for.
    var waiting: Waiting
    private let descriptor: Int32
    private var session: OpaquePointer?

    /// Connects to `address`.
    ///
    /// - Parameter authorities: whom to trust; needed where the address is one of TLS.
    init(
        _ address: ServerAddress, _ authorities: TrustedAuthorities?, _ waiting: Waiting
    ) throws(HTTPClientError) {
        self.waiting = waiting
        switch address.place {
        case .unix(let path):
            descriptor = try Self.connect(path: path, waiting)
        case .tcp(let host, let port):
            descriptor = try Self.connect(host, port, waiting)
            if let authorities { try encrypt(authorities, host) }
        }
    }

    deinit {
        if let session { SSL_free(session) }
        close(descriptor)
    }

    // MARK: Bytes

    /// Sends all of `bytes`.
    func send(_ bytes: UnsafeRawBufferPointer) throws(HTTPClientError) {
        var sent = 0
        while sent < bytes.count {
            try waiting.check("send")
            let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
            if let session {
                ERR_clear_error()
                var count = 0
                guard SSL_write_ex(session, rest.baseAddress, rest.count, &count) == 1 else {
                    try wait(for: session, "send")
                    continue
                }
                sent += count
            } else {
                let count = retryingInterrupts {
                    clinux_send(descriptor, rest.baseAddress, rest.count)
                }
                guard count > 0 else {
                    try wait(for: POLLOUT, "send")
                    continue
                }
                sent += count
            }
        }
    }

    /// Receives into `buffer`.
    ///
    /// - Returns: how many bytes; 0 at the end of the connection.
    func receive(_ buffer: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int {
        while true {
            try waiting.check("receive")
            guard let session else {
                let count = retryingInterrupts {
                    recv(descriptor, buffer.baseAddress, buffer.count, 0)
                }
                if count >= 0 { return count }
                try wait(for: POLLIN, "receive")
                continue
            }
            ERR_clear_error()
            var count = 0
            guard SSL_read_ex(session, buffer.baseAddress, buffer.count, &count) != 1 else {
                return count
            }
            guard SSL_get_error(session, 0) != SSL_ERROR_ZERO_RETURN else { return 0 }
            try wait(for: session, "receive")
        }
    }

    /// Waits where `errno` says that the socket is not ready for `events`; throws where it says
    /// something else.
    private func wait(for events: Int32, _ action: String) throws(HTTPClientError) {
        guard errno == EAGAIN || errno == EWOULDBLOCK else { throw .failed(to: action) }
        try waiting.wait(for: events, of: descriptor, to: action)
    }

    // MARK: TLS

    private func encrypt(_ authorities: TrustedAuthorities, _ host: String) throws(HTTPClientError)
    {
        guard let session = SSL_new(authorities.handle) else {
            throw HTTPClientError(.unusable, "out of memory")
        }
        self.session = session
        // RFC 6066, 3: a name is sent, an address is not; either is what the certificate must be for.
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1
        if !isAddress {
            guard SSL_set1_host(session, host) == 1, copenssl_name_server(session, host) == 1 else {
                throw HTTPClientError(.unusable, "'\(host)' cannot be the name of a TLS server")
            }
        }
        guard SSL_set_fd(session, descriptor) == 1 else {
            throw HTTPClientError(.unusable, "out of memory")
        }
        SSL_set_connect_state(session)
        while true {
            ERR_clear_error()
            guard SSL_do_handshake(session) != 1 else { return }
            let verdict = SSL_get_verify_result(session)
            if verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) {
                throw HTTPClientError(
                    .untrusted,
                    "the server's certificate is not trusted: \(String(cString: text))")
            }
            try wait(for: session, "begin TLS")
        }
    }

    /// Waits for what `session` needs; throws when it has failed.
    private func wait(for session: OpaquePointer, _ action: String) throws(HTTPClientError) {
        let code = errno
        switch SSL_get_error(session, 0) {
        case SSL_ERROR_WANT_READ: try waiting.wait(for: POLLIN, of: descriptor, to: action)
        case SSL_ERROR_WANT_WRITE: try waiting.wait(for: POLLOUT, of: descriptor, to: action)
        case SSL_ERROR_SYSCALL where code != 0: throw .failed(to: action, code: code)
        default:
            throw HTTPClientError(.unreachable, "cannot \(action): \(TrustedAuthorities.reason())")
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

    /// Tries the addresses of `host` in turn: a name such as localhost has several, and not all are
    /// listened on.
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
                // A Unix socket whose listener has no room now (connect(2)).
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

    /// What came of connecting: 0, or a value of `errno`.
    private static func outcome(of descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
    }
}
