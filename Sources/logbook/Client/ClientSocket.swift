import COpenSSL
import Glibc
import HTTPServer

/// A connected socket, plain or with TLS, that waits no longer than its timeout.
final class ClientSocket {
    private let descriptor: Int32
    private var session: OpaquePointer?

    /// Connects to `address`.
    ///
    /// - Parameter authorities: whom to trust; needed where the address is one of TLS.
    init(
        _ address: ServerAddress, _ authorities: TrustedAuthorities?, timeoutSeconds: Int
    ) throws(ClientError) {
        switch address.place {
        case .unix(let path):
            descriptor = try Self.connect(path: path, timeoutSeconds)
        case .tcp(let host, let port):
            descriptor = try Self.connect(host, port, timeoutSeconds)
            if let authorities { try encrypt(authorities, host) }
        }
    }

    deinit {
        if let session { SSL_free(session) }
        close(descriptor)
    }

    // MARK: Bytes

    /// Sends all of `bytes`.
    func send(_ bytes: UnsafeRawBufferPointer) throws(ClientError) {
        var sent = 0
        while sent < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
            if let session {
                ERR_clear_error()
                var count = 0
                guard SSL_write_ex(session, rest.baseAddress, rest.count, &count) == 1 else {
                    throw failure(of: session, "send")
                }
                sent += count
            } else {
                let count = Glibc.send(descriptor, rest.baseAddress, rest.count, noSignal)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw .failed(to: "send") }
                sent += count
            }
        }
    }

    /// Receives into `buffer`.
    ///
    /// - Returns: how many bytes; 0 at the end of the connection.
    func receive(_ buffer: UnsafeMutableRawBufferPointer) throws(ClientError) -> Int {
        guard let session else {
            while true {
                let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                if count >= 0 { return count }
                guard errno == EINTR else { throw .failed(to: "receive") }
            }
        }
        ERR_clear_error()
        var count = 0
        guard SSL_read_ex(session, buffer.baseAddress, buffer.count, &count) != 1 else {
            return count
        }
        guard SSL_get_error(session, 0) != SSL_ERROR_ZERO_RETURN else { return 0 }
        throw failure(of: session, "receive")
    }

    private let noSignal = Int32(MSG_NOSIGNAL)

    // MARK: TLS

    private func encrypt(_ authorities: TrustedAuthorities, _ host: String) throws(ClientError) {
        guard let session = SSL_new(authorities.handle) else { throw .unusable("out of memory") }
        self.session = session
        // RFC 6066, 3: a name is sent, an address is not; either is what the certificate must be for.
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1
        if !isAddress {
            guard SSL_set1_host(session, host) == 1, copenssl_name_server(session, host) == 1 else {
                throw .unusable("'\(host)' cannot be the name of a TLS server")
            }
        }
        ERR_clear_error()
        guard SSL_set_fd(session, descriptor) == 1 else { throw .unusable("out of memory") }
        guard SSL_connect(session) == 1 else {
            let verdict = SSL_get_verify_result(session)
            if verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) {
                throw .unusable(
                    "the server's certificate is not trusted: \(String(cString: text)); --ca names who signed it"
                )
            }
            throw failure(of: session, "begin TLS")
        }
    }

    private func failure(of session: OpaquePointer, _ action: String) -> ClientError {
        let code = errno
        switch SSL_get_error(session, 0) {
        // The socket blocks: its timeout is over.
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            errno = EAGAIN
            return .failed(to: action)
        case SSL_ERROR_SYSCALL where code != 0:
            errno = code
            return .failed(to: action)
        default:
            return .unreachable("cannot \(action): \(TrustedAuthorities.reason())")
        }
    }

    // MARK: Connecting

    private static func connect(path: String, _ timeoutSeconds: Int) throws(ClientError) -> Int32 {
        guard var name = sockaddr_un(path: path) else {
            throw .unusable("the path is too long for a socket")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let isConnected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size), timeoutSeconds)
            }
        }
        guard isConnected else { throw failure(closing: descriptor) }
        return descriptor
    }

    /// Tries the addresses of `host` in turn: a name such as localhost has several, and not all are
    /// listened on.
    private static func connect(
        _ host: String, _ port: String, _ timeoutSeconds: Int
    ) throws(ClientError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, port, &hints, &found)
        guard result == 0, let found else {
            throw .unreachable("cannot find \(host): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(found) }
        var next: UnsafeMutablePointer<addrinfo>? = found
        var error = ClientError.unreachable("\(host) has no address")
        while let address = next {
            next = address.pointee.ai_next
            let descriptor = socket(address.pointee.ai_family, Int32(SOCK_STREAM.rawValue), 0)
            let isConnected = connect(
                descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen, timeoutSeconds)
            guard !isConnected else { return descriptor }
            error = failure(closing: descriptor)
        }
        throw error
    }

    private static func connect(
        _ descriptor: Int32, _ name: UnsafePointer<sockaddr>, _ nameSize: socklen_t,
        _ timeoutSeconds: Int
    ) -> Bool {
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        // A descriptor that is none fails here, too. SO_SNDTIMEO bounds connecting as well
        // (socket(7)).
        return setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size) == 0
            && setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size) == 0
            && Glibc.connect(descriptor, name, nameSize) == 0
    }

    private static func failure(closing descriptor: Int32) -> ClientError {
        let code = errno
        if descriptor >= 0 { close(descriptor) }
        // What connect(2) says when SO_SNDTIMEO is over.
        errno = code == EINPROGRESS ? EAGAIN : code
        return .failed(to: "connect")
    }
}
