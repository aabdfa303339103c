import CLinux
import Glibc
import System

/// A listening socket. Call `close` exactly once.
struct Listener {
    let descriptor: Int32
    let endpoint: Endpoint
    /// The address it listens on, with the port that the system chose.
    let address: ListenAddress

    enum Accepted {
        case connection(Int32)
        case none
        /// Descriptors or memory have run out. Accepting again at once would spin.
        case exhausted
    }

    init(_ endpoint: Endpoint) throws(SystemError) {
        self.endpoint = endpoint
        switch endpoint.address {
        case .tcp(let host, let port):
            (descriptor, address) = try Self.openTCP(host, port)
        case .unix(let path):
            descriptor = try Self.openUnix(path)
            address = endpoint.address
        }
    }

    private static func openTCP(
        _ host: String, _ port: UInt16
    ) throws(SystemError) -> (Int32, ListenAddress) {
        let address = ListenAddress.tcp(host: host, port: port)
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else {
            throw SystemError("find the address \(address)", code: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        let descriptor = clinux_socket(found.pointee.ai_family)
        guard descriptor >= 0 else { throw SystemError("open a socket for \(address)") }
        guard clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) == 0,
            // Accepted connections inherit it. A head and its body leave in one write, so waiting
            // gains nothing.
            clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) == 0,
            bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
            listen(descriptor, backlog) == 0
        else {
            let error = SystemError("listen on \(address)")
            _ = Glibc.close(descriptor)
            throw error
        }
        return (descriptor, .tcp(host: host, port: boundPort(descriptor) ?? port))
    }

    /// Binds a Unix socket at `path`, with the permissions that the umask leaves.
    private static func openUnix(_ path: String) throws(SystemError) -> Int32 {
        let address = ListenAddress.unix(path: path)
        guard var name = sockaddr_un(path: path) else {
            throw SystemError("listen on \(address)", code: ENAMETOOLONG)
        }
        let descriptor = clinux_socket(AF_UNIX)
        guard descriptor >= 0 else { throw SystemError("open a socket for \(address)") }
        // A file that an earlier process left, and that nobody listens on, would make bind(2) fail.
        if isAbandoned(path) { unlink(path) }
        let isBound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, listen(descriptor, backlog) == 0 else {
            let error = SystemError("listen on \(address)")
            _ = Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// True if `path` is a socket that refuses connections.
    private static func isAbandoned(_ path: String) -> Bool {
        guard var name = sockaddr_un(path: path) else { return false }
        let descriptor = clinux_socket(AF_UNIX)
        guard descriptor >= 0 else { return false }
        defer { _ = Glibc.close(descriptor) }
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // connect(2) reports the same for a file that is not a socket.
        return result != 0 && errno == ECONNREFUSED && isSocket(path)
    }

    private static func isSocket(_ path: String) -> Bool {
        var file = stat()
        return stat(path, &file) == 0 && file.st_mode & S_IFMT == S_IFSOCK
    }

    private static let backlog: Int32 = 1024

    private static func boundPort(_ descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &size) == 0 else { return nil }
                // sin_port and sin6_port are at the same offset.
                return UnsafeRawPointer(address).loadUnaligned(fromByteOffset: 2, as: UInt16.self)
                    .byteSwapped
            }
        }
    }

    func accept() -> Accepted {
        let descriptor = retryingInterrupts { clinux_accept(self.descriptor) }
        if descriptor >= 0 { return .connection(descriptor) }
        switch errno {
        case EAGAIN, EWOULDBLOCK: return .none
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
        // accept(2): "Linux accept() passes already-pending network errors on the new socket as an
        // error code". That connection is lost; the listener is not.
        default: return .none
        }
    }

    func close() {
        if case .unix(let path) = address { unlink(path) }
        _ = Glibc.close(descriptor)
    }
}
