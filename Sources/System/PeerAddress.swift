package import Glibc

/// The address that a client connects from. It is kept for the log, because a reset connection no
/// longer has one.
package struct PeerAddress: CustomStringConvertible, Sendable {
    private var storage = sockaddr_storage()
    private var size = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// The address in the first `size` bytes of `storage`.
    package init(_ storage: sockaddr_storage, size: socklen_t) {
        self.storage = storage
        self.size = size
    }

    /// The other side of a connected socket.
    package init(of descriptor: Int32) {
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &size)
            }
        }
        if result != 0 { size = 0 }
    }

    /// A number that tells clients apart: an IPv4 address, the /64 of an IPv6 address, because a
    /// single host has all of it, or any Unix socket.
    package var network: UInt64 {
        withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET:
                return UInt64(UInt32(bigEndian: bytes.load(as: sockaddr_in.self).sin_addr.s_addr))
            case AF_INET6:
                let address = bytes.load(as: sockaddr_in6.self).sin6_addr
                return withUnsafeBytes(of: address) { address in
                    let high = address.load(as: UInt64.self)
                    let low = address.load(fromByteOffset: 8, as: UInt64.self)
                    // RFC 4291, 2.5.5.2: ::ffff:a.b.c.d is an IPv4 address.
                    let isMapped = high == 0 && UInt64(bigEndian: low) >> 32 == 0xFFFF
                    return isMapped ? UInt64(bigEndian: low) & 0xFFFF_FFFF : high
                }
            default: return 0
            }
        }
    }

    /// `HOST:PORT`; "a client" if there is none, as over a Unix socket.
    package var description: String {
        guard size > 0, Int32(storage.ss_family) != AF_UNIX else { return "a client" }
        var storage = storage
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let result = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo(
                    $0, size, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        guard result == 0 else { return "a client" }
        let name = host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let number = port.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return name.contains(":") ? "[\(name)]:\(number)" : "\(name):\(number)"
    }
}
