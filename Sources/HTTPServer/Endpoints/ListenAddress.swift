import System

/// An address to listen on: `HOST:PORT`, `[IPV6]:PORT`, `:PORT` or `unix:PATH`.
public enum ListenAddress: Equatable, Sendable, CustomStringConvertible {
    /// A name or a numeric address, without brackets. Port 0 picks a free port.
    case tcp(host: String, port: UInt16)
    /// A socket in the file system, created at start and removed at the end.
    case unix(path: String)

    private static let unixScheme = "unix:"

    /// Parses `text`; nil if it is not such an address.
    public init?(_ text: String) {
        if text.hasPrefix(Self.unixScheme) {
            let path = String(text.dropFirst(Self.unixScheme.count))
            guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(digits) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        self = .tcp(host: host.isEmpty ? "0.0.0.0" : host, port: port)
    }

    /// The port; nil for a socket in the file system.
    public var port: UInt16? { if case .tcp(_, let port) = self { port } else { nil } }

    /// The form used on the command line, with an IPv6 address in brackets.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): Self.unixScheme + path
        }
    }

    /// True if only this machine can reach the address.
    public var isLoopback: Bool {
        switch self {
        case .tcp(let host, _): System.isLoopback(host: host)
        case .unix: true
        }
    }
}
