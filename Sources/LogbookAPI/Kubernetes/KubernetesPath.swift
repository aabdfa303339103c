import HTTPServer

/// A path of Kubernetes' API: prefixes that choose events, and a resource.
struct KubernetesPath {
    /// A group of the API that has events; both have the same ones.
    enum Group: Hashable {
        case core
        /// events.k8s.io
        case events
    }

    enum Resource {
        case version
        /// `/api` and `/apis`.
        case groups(Group)
        /// `/apis/NAME`
        case group(String)
        /// `/api/VERSION` and `/apis/NAME/VERSION`; the name of the core group is empty.
        case resources(String, version: String)
        case openAPI(version: String)
        case namespaces
        case namespace(String)
        case events(Group, namespace: String?)
        case event(Group, namespace: String, name: String)
    }

    /// The cluster of the events; nil for all.
    private(set) var cluster: String?
    /// The first and the last time of the events, as in the query of `GET /events`.
    private(set) var since: String?
    private(set) var until: String?
    /// True if earlier revisions of an object are wanted, too.
    private(set) var wantsAllRevisions = false
    let resource: Resource

    /// The routes below which it is found; a name in braces stands for the rest of the path.
    static let routes = [
        "/version", "/api", "/api/{path}", "/apis", "/apis/{path}", "/openapi/{path}",
        "/clusters/{path}", "/since/{path}", "/from/{path}", "/revisions/{path}",
    ]

    /// Reads `path`, which is percent-encoded; nil if there is no such resource.
    init?(_ path: UnsafeRawBufferPointer) {
        var rest = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .dropFirst().map { segment in
                String(
                    decoding: PercentEncoding.decode(UnsafeRawBufferPointer(rebasing: segment)),
                    as: UTF8.self)
            }[...]
        guard rest.allSatisfy({ !$0.isEmpty }) else { return nil }
        func take() -> String? { rest.popFirst() }
        while let first = rest.first {
            switch first {
            case "clusters" where rest.count > 1 && cluster == nil:
                rest.removeFirst()
                cluster = take()
            case "since" where rest.count > 1 && since == nil:
                rest.removeFirst()
                since = take()
            case "from" where rest.count > 1 && since == nil:
                rest.removeFirst()
                since = take()
                guard rest.first == "to", rest.count > 1 else { continue }
                rest.removeFirst()
                until = take()
            case "revisions" where !wantsAllRevisions:
                rest.removeFirst()
                wantsAllRevisions = true
            default:
                guard let resource = Self.resource(Array(rest)) else { return nil }
                self.resource = resource
                return
            }
        }
        return nil
    }

    private static func resource(_ path: [String]) -> Resource? {
        switch path {
        case ["version"]: return .version
        case ["api"]: return .groups(.core)
        case ["apis"]: return .groups(.events)
        case ["openapi", "v2"], ["openapi", "v3"]: return .openAPI(version: path[1])
        case ["api", "v1", "namespaces"]: return .namespaces
        default: break
        }
        if path.count == 2 {
            return path[0] == "api"
                ? .resources("", version: path[1]) : path[0] == "apis" ? .group(path[1]) : nil
        }
        if path.count == 3, path[0] == "apis" { return .resources(path[1], version: path[2]) }
        let group: Group, below: ArraySlice<String>
        if path.starts(with: ["api", "v1"]) {
            (group, below) = (.core, path.dropFirst(2))
        } else if path.starts(with: ["apis", "events.k8s.io", "v1"]) {
            (group, below) = (.events, path.dropFirst(3))
        } else {
            return nil
        }
        let words = Array(below)
        switch words.count {
        case 1 where words[0] == "events": return .events(group, namespace: nil)
        case 2 where words[0] == "namespaces" && group == .core: return .namespace(words[1])
        case 3 where words[0] == "namespaces" && words[2] == "events":
            return .events(group, namespace: words[1])
        case 4 where words[0] == "namespaces" && words[2] == "events":
            return .event(group, namespace: words[1], name: words[3])
        default: return nil
        }
    }
}
