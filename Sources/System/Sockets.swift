package import Glibc

extension sockaddr_un {
    /// The address of `path`; nil if it is empty or too long for the system.
    package init?(path: String) {
        self.init()
        let bytes = Array(path.utf8)
        // The last byte terminates the path.
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: sun_path) else { return nil }
        sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &sun_path) { $0.copyBytes(from: bytes) }
    }
}

/// True if `host`, a name or a numeric address without brackets, is this machine itself.
package func isLoopback(host: String) -> Bool {
    host == "localhost" || host == "::1"
        || (host.hasPrefix("127.")
            && host.utf8.allSatisfy {
                $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            })
}

/// The outcome of reading from a non-blocking socket or writing to it.
package enum SocketOutcome: Sendable {
    case bytes(Int)
    /// Nothing now; epoll or poll reports when there is.
    case wouldBlock
    /// The peer sends no more.
    case ended
    case failed
}
