import System

/// A server's address: `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`. A path after the port
/// comes before every target, because a proxy may serve several servers, each below its own.
public struct ServerAddress: Equatable, CustomStringConvertible, Sendable {
    enum Endpoint: Equatable {
        case tcp(host: String, port: String)
        case unix(path: String)
    }

    let endpoint: Endpoint
    /// True if the address uses TLS.
    public let isSecure: Bool
    /// The value of the Host field.
    let authority: String
    /// The path that all targets are below, without a slash at its end.
    let path: String
    /// The address as it was given.
    public let description: String

    /// The valid forms, for error messages.
    public static let forms = "http://HOST:PORT, https://HOST:PORT or unix:PATH"

    /// Parses `text`; nil if it is invalid. Without a port, the scheme's default applies.
    public init?(_ text: String) {
        description = text
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
            endpoint = .unix(path: String(path))
            isSecure = false
            authority = "localhost"
            self.path = ""
            return
        }
        isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(isSecure ? "https://".count : "http://".count)
        // Both go into the head of requests.
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains("?"),
            !rest.contains("#")
        else { return nil }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        var path = rest.dropFirst(authority.count)
        if path.hasSuffix("/") { path.removeLast() }
        self.path = String(path)
        let colon = authority.lastIndex(of: ":").flatMap {
            authority[$0...].contains("]") ? nil : $0
        }
        let host = authority[..<(colon ?? authority.endIndex)].filter { $0 != "[" && $0 != "]" }
        let port = colon.map { String(authority[authority.index(after: $0)...]) }
        guard port.map({ UInt16($0) != nil }) ?? true, !host.isEmpty else { return nil }
        endpoint = .tcp(host: host, port: port ?? (isSecure ? "443" : "80"))
        self.authority = String(authority)
    }

    /// True if nobody on the way can read what is sent: with TLS, or within this machine.
    var keepsSecrets: Bool {
        switch endpoint {
        case .unix: true
        case .tcp(let host, _): isSecure || isLoopback(host: host)
        }
    }
}
