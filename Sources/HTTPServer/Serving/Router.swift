/// Finds the route of a request. Paths are compared segment by segment; each is decoded once, after
/// the split.
public struct Router: Sendable {
    /// All routes, in the order they were given.
    public let routes: [Route]
    private let paths: [PathEntry]

    /// The routes of one path.
    final class PathEntry: Sendable {
        /// The number, counted from 1; 0 means no path.
        let number: Int
        let path: String
        /// What comes before and after the first parameter; all is before, if there is none.
        let before: [UInt8]
        let after: [UInt8]
        let hasParameter: Bool
        let hasSeveral: Bool
        let takesRest: Bool
        /// The segments; nil for a parameter.
        let segments: [[UInt8]?]
        /// `Allow` for this path (RFC 9110, 10.2.1).
        let allow: [UInt8]
        let routes: [Route]

        init(_ number: Int, _ path: String, _ routes: [Route]) {
            self.number = number
            self.path = path
            let brace = path.firstIndex(of: "{")
            before = Array(path[..<(brace ?? path.endIndex)].utf8)
            after = Array(path[(brace ?? path.endIndex)...].drop { $0 != "}" }.dropFirst().utf8)
            hasParameter = brace != nil
            segments = path.split(separator: "/", omittingEmptySubsequences: false).map {
                $0.first == "{" ? nil : Array($0.utf8)
            }
            hasSeveral = segments.count { $0 == nil } > 1
            takesRest = routes.contains(where: \.takesRest)
            allow = Router.allow(routes.map(\.method))
            self.routes = routes
        }

        func route(_ method: HTTPMethod) -> Route? {
            // RFC 9110, 9.3.2: HEAD is GET without the content.
            let wanted = method == .head ? .get : method
            return routes.first { $0.method == wanted }
        }
    }

    struct Match {
        let entry: PathEntry
        /// The value of the parameter; of several, with a slash between two.
        let parameter: [UInt8]
    }

    /// Serves `routes`; a literal path wins over one with a parameter.
    public init(_ routes: [Route]) {
        self.routes = routes
        var order: [String] = []
        for route in routes where !order.contains(route.path) { order.append(route.path) }
        let entries = order.enumerated().map { offset, path in
            PathEntry(offset + 1, path, routes.filter { $0.path == path })
        }
        paths = entries.filter { !$0.hasParameter } + entries.filter(\.hasParameter)
    }

    private init(_ paths: [PathEntry]) {
        self.paths = paths
        routes = paths.flatMap(\.routes)
    }

    /// The same router with only these paths.
    func limited(to served: [String]) -> Router {
        let known = paths.map(\.path)
        precondition(served.allSatisfy(known.contains), "an endpoint serves paths of the router")
        return Router(paths.filter { served.contains($0.path) })
    }

    /// Every path by its number. Number 0 is nil, which is no path.
    var numberedPaths: [String?] {
        [nil] + paths.sorted { $0.number < $1.number }.map { $0.path }
    }

    fileprivate static func allow(_ methods: [HTTPMethod]) -> [UInt8] {
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
        let path =
            path.isEmpty
            ? UnsafeRawBufferPointer(start: ("/" as StaticString).utf8Start, count: 1) : path
        let slash = UInt8(ascii: "/")
        guard path.firstOffset(of: UInt8(ascii: "%")) == nil else {
            return matchSegments(of: path, in: paths)
        }
        for entry in paths {
            guard path.hasPrefix(entry.before) else { continue }
            if entry.takesRest {
                guard path.count > entry.before.count else { continue }
                return Match(entry: entry, parameter: [])
            }
            if entry.hasSeveral {
                if let match = matchSegments(of: path, in: [entry]) { return match }
                continue
            }
            let parameter = path.dropFirst(entry.before.count).dropLast(entry.after.count)
            if !entry.hasParameter {
                if parameter.isEmpty { return Match(entry: entry, parameter: []) }
            } else if !parameter.isEmpty, !parameter.contains(slash),
                path[parameter.endIndex...].elementsEqual(entry.after)
            {
                return Match(entry: entry, parameter: Array(parameter))
            }
        }
        return nil
    }

    /// Splits first and then decodes: `%2F` is data and separates nothing (RFC 3986, 2.2).
    private func matchSegments(
        of path: UnsafeRawBufferPointer, in entries: [PathEntry]
    ) -> Match? {
        let slash = UInt8(ascii: "/")
        let segments = path.split(separator: slash, omittingEmptySubsequences: false)
            .map { PercentEncoding.decode(UnsafeRawBufferPointer(rebasing: $0)) }
        for entry in entries
        where entry.takesRest
            ? entry.segments.count <= segments.count : entry.segments.count == segments.count
        {
            let pairs = zip(segments, entry.segments)
            let isSame = pairs.allSatisfy { segment, literal in
                literal.map { $0 == segment } ?? !segment.isEmpty
            }
            guard isSame else { continue }
            if entry.takesRest { return Match(entry: entry, parameter: []) }
            let values = pairs.filter { $0.1 == nil }.map(\.0)
            return Match(entry: entry, parameter: Array(values.joined(separator: [slash])))
        }
        return nil
    }
}
