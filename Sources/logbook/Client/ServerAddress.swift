import HTTPServer

/// Where a server is: `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`.
struct ServerAddress: Equatable, CustomStringConvertible {
    enum Place: Equatable {
        case tcp(host: String, port: String)
        case unix(path: String)
    }

    let place: Place
    let isSecure: Bool
    /// What stands in the Host field.
    let authority: String
    /// As it was given.
    let description: String

    /// What a wrong one is told.
    static let forms = "http://HOST:PORT, https://HOST:PORT or unix:PATH"

    /// nil when `text` is none; a port left out is that of the scheme.
    init?(_ text: String) {
        description = text
        if case .unix(let path) = ListenAddress(text) {
            place = .unix(path: path)
            isSecure = false
            authority = "localhost"
            return
        }
        isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { return nil }
        var authority = text.dropFirst(isSecure ? "https://".count : "http://".count)
        if authority.hasSuffix("/") { authority.removeLast() }
        // What stands there goes into a header field.
        guard !authority.isEmpty, authority.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !authority.contains("/"), !authority.contains("@")
        else { return nil }
        let colon = authority.lastIndex(of: ":").flatMap {
            authority[$0...].contains("]") ? nil : $0
        }
        let host = authority[..<(colon ?? authority.endIndex)].filter { $0 != "[" && $0 != "]" }
        let port = colon.map { String(authority[authority.index(after: $0)...]) }
        guard port.map({ UInt16($0) != nil }) ?? true, !host.isEmpty else { return nil }
        place = .tcp(host: host, port: port ?? (isSecure ? "443" : "80"))
        self.authority = String(authority)
    }
}
