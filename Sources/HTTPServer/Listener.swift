import CLinux
import Glibc

/// A socket that listens. Closed by `close`, once.
struct Listener {
    let descriptor: Int32
    let endpoint: Endpoint
    /// Where it listens, the port that the system chose included.
    let address: ListenAddress

    enum Accepted {
        case connection(Int32)
        case none
        /// Descriptors or memory have run out: accepting again at once would spin.
        case exhausted
    }

    init(_ endpoint: Endpoint) throws(SystemError) {
        let address = endpoint.address
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address.host, String(address.port), &hints, &found) == 0, let found else {
            throw SystemError("find the address \(address)", code: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        let descriptor = clinux_socket(found.pointee.ai_family)
        guard descriptor >= 0 else { throw SystemError("open a socket for \(address)") }
        guard clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) == 0,
            // Accepted connections inherit it: a head and a body leave in one write, so nothing
            // gains from waiting.
            clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) == 0,
            bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
            listen(descriptor, Self.backlog) == 0
        else {
            let error = SystemError("listen on \(address)")
            _ = Glibc.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.endpoint = endpoint
        self.address = ListenAddress(
            host: address.host, port: Self.boundPort(descriptor) ?? address.port)
    }

    private static let backlog: Int32 = 1024

    private static func boundPort(_ descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &size) == 0 else { return nil }
                // sin_port and sin6_port stand at the same place.
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
        // error code": that connection is lost, the listener is not.
        default: return .none
        }
    }

    func close() { _ = Glibc.close(descriptor) }
}
