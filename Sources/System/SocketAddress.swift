import Glibc

extension sockaddr_un {
    /// The address of `path`; nil when it is empty or longer than the system takes.
    package init?(path: String) {
        self.init()
        let bytes = Array(path.utf8)
        // The last byte ends the path.
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: sun_path) else { return nil }
        sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &sun_path) { $0.copyBytes(from: bytes) }
    }
}

/// Whether `host`, a name or a numeric address without brackets, is this machine itself.
package func isLoopback(host: String) -> Bool {
    host == "localhost" || host == "::1"
        || (host.hasPrefix("127.")
            && host.utf8.allSatisfy {
                $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            })
}
