import Glibc

/// The names in `Host` that a server which asks for no credentials answers to.
///
/// An attacker's DNS server can resolve a name of the attacker's to this machine (DNS rebinding). A browser then takes
/// the attacker's page for one of this server, and lets it read and send everything. Only the name gives it away.
/// IP addresses and names below `localhost` are resolved by no DNS server, so they are always taken.
public struct HostNames: Sendable {
    /// In lower case, without the trailing dot of an absolute name.
    private let names: [String]

    /// Takes `names`, without ports. One with a leading dot takes the names below it as well.
    ///
    /// - Returns: nil when one of them is no name.
    public init?(_ names: [String]) {
        self.names = names.map { Self.trimmed($0.lowercased()) }
        let areValid = self.names.allSatisfy { name in
            var name = name.first == "." ? String(name.dropFirst()) : name
            return name.withUTF8 { HostField.isValid(.init($0)) && !$0.contains(ASCII.colon) }
        }
        guard areValid else { return nil }
    }

    /// Whether a valid Host field may say `host`.
    func contain(_ host: UnsafeRawBufferPointer) -> Bool {
        // RFC 3986, 3.2.2: what stands in brackets is an address.
        if host.first == UInt8(ascii: "[") { return true }
        let end = host.firstOffset(of: ASCII.colon) ?? host.count
        let name = Self.trimmed(String(decoding: host.slice(0..<end), as: UTF8.self).lowercased())
        // As curl sends it, 127.1 is an address, too: no top-level domain is a number.
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
