import Glibc

/// A TCP socket bound to a free port of 127.0.0.1, which whoever asks for it closes.
public func loopbackSocket(listens: Bool = true) -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(O_CLOEXEC), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, size) == 0 && (!listens || listen(descriptor, 16) == 0)
                && getsockname(descriptor, $0, &size) == 0
        }
    }
    precondition(isBound, "no port: errno \(errno)")
    return (descriptor, UInt16(bigEndian: address.sin_port))
}
