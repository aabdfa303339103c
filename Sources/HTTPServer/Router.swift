/// Finds the route of a request. Paths are compared segment by segment, each decoded once after the
/// split.
public struct Router: Sendable {
    /// All routes, in the order they were given.
    public let routes: [Route]
    private let paths: [PathEntry]

    /// The routes of one path.
    struct PathEntry: Sendable {
        let literal: [UInt8]
        let hasParameter: Bool
        /// `Allow` for this path (RFC 9110, 10.2.1).
        let allow: [UInt8]
        let routes: [Route]

        func route(_ method: HTTPMethod) -> Route? {
            // RFC 9110, 9.3.2: HEAD is GET without the content.
            let wanted = method == .head ? .get : method
            return routes.first { $0.method == wanted }
        }
    }

    struct Match {
        let entry: PathEntry
        let parameter: [UInt8]
    }

    /// Serves `routes`; a literal path wins over one with a parameter.
    public init(_ routes: [Route]) {
        self.routes = routes
        var order: [String] = []
        for route in routes where !order.contains(route.path) { order.append(route.path) }
        let entries = order.map { path in
            let own = routes.filter { $0.path == path }
            let brace = path.firstIndex(of: "{")
            return PathEntry(
                literal: Array(path[..<(brace ?? path.endIndex)].utf8), hasParameter: brace != nil,
                allow: Self.allow(own.map(\.method)), routes: own)
        }
        paths = entries.filter { !$0.hasParameter } + entries.filter(\.hasParameter)
    }

    private static func allow(_ methods: [HTTPMethod]) -> [UInt8] {
        var allowed = methods
        if let get = allowed.firstIndex(of: .get) { allowed.insert(.head, at: get + 1) }
        if !allowed.contains(.options) { allowed.append(.options) }
        return Array(allowed.map(\.rawValue).joined(separator: ", ").utf8)
    }

    /// Every method that some path allows, for `OPTIONS *`.
    var allowedAnywhere: [UInt8] {
        var methods: [HTTPMethod] = []
        for route in routes where !methods.contains(route.method) { methods.append(route.method) }
        return Self.allow(methods)
    }

    func match(_ path: UnsafeRawBufferPointer) -> Match? {
        // RFC 9110, 4.2.3: an empty path is "/".
        if path.isEmpty {
            return paths.first { $0.literal == [UInt8(ascii: "/")] }.map {
                Match(entry: $0, parameter: [])
            }
        }
        guard path.contains(UInt8(ascii: "%")) else { return match(path, encoded: path) }
        // `%2F` is data, not a separator: the prefix that a literal is compared with must hold as
        // many segments encoded as decoded, which the parameter's split below makes sure of.
        let decoded = PercentEncoding.decode(path)
        return decoded.withUnsafeBytes { match($0, encoded: path) }
    }

    private func match(_ path: UnsafeRawBufferPointer, encoded: UnsafeRawBufferPointer) -> Match? {
        let slash = UInt8(ascii: "/")
        for entry in paths {
            let literal = entry.literal
            guard path.count >= literal.count, literal.elementsEqual(path.prefix(literal.count))
            else { continue }
            if !entry.hasParameter {
                guard path.count == literal.count,
                    path.count == encoded.count || encoded.slashCount == path.slashCount
                else { continue }
                return Match(entry: entry, parameter: [])
            }
            let segments = literal.count(where: { $0 == slash })
            guard path.count > literal.count, encoded.slashCount == segments else { continue }
            return Match(entry: entry, parameter: Array(path[literal.count...]))
        }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var slashCount: Int { count(where: { $0 == UInt8(ascii: "/") }) }
}
