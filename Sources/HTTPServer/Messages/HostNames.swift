import Glibc

/// The names in `Host` that a server without credentials answers to.
///
/// An attacker's DNS server can resolve one of the attacker's names to this machine (DNS
/// rebinding). A browser then treats the attacker's page as one of this server's and lets it read
/// and send everything. Only the name reveals the attack. IP addresses and names under `localhost`
/// are not resolved by DNS servers, so they are always accepted.
public struct HostNames: Sendable {
    /// The names in lower case, without the trailing dot of an absolute name.
    private let names: [String]

    /// Accepts `names`, without ports. A name with a leading dot also matches the names under it.
    ///
    /// - Returns: nil if one of them is not a valid name.
    public init?(_ names: [String]) {
        self.names = names.map { Self.trimmed($0.lowercased()) }
        let areValid = self.names.allSatisfy { name in
            var name = name.first == "." ? String(name.dropFirst()) : name
            return name.withUTF8 { HostField.isValid(.init($0)) && !$0.contains(ASCII.colon) }
        }
        guard areValid else { return nil }
    }

    /// True if a valid Host field may name `host`.
    func contain(_ host: UnsafeRawBufferPointer) -> Bool {
        // RFC 3986, 3.2.2: a host in brackets is an address.
        if host.first == UInt8(ascii: "[") { return true }
        let end = host.firstOffset(of: ASCII.colon) ?? host.count
        let name = Self.trimmed(String(decoding: host.slice(0..<end), as: UTF8.self).lowercased())
        // curl sends 127.1 as it is, and it is an address too: no top-level domain is a number.
        var address = in_addr()
        if inet_aton(name, &address) != 0 { return true }
        return Self.matches(name, ".localhost") || names.contains { Self.matches(name, $0) }
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        guard pattern.first == "." else { return name == pattern }
        return name.hasSuffix(pattern) || name.utf8.elementsEqual(pattern.utf8.dropFirst())
    }

    private static func trimmed(_ name: String) -> String {
        name.last == "." ? String(name.dropLast()) : name
    }
}
