import ArgumentParser
import Events

/// Event filters: the query parameters of the HTTP interface. The server, or the store over a file,
/// validates them.
struct FilterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The event's type. This flag and those for other fields can be repeated, which means one of; !VALUE excludes, and PREFIX* takes all that begin so.",
            valueName: "type"), completion: ServerCompletion.values(of: "event_type"))
    var type: [String] = []

    @Option(
        help: "Its severity: info, warning, error or critical.",
        completion: .list(Severity.allCases.map(\.rawValue)))
    var severity: [String] = []

    @Option(help: "The lowest severity.", completion: .list(Severity.allCases.map(\.rawValue)))
    var severityMin: [String] = []

    @Option(
        help: "The kind of its object, such as Pod.",
        completion: ServerCompletion.values(of: "object_kind"))
    var kind: [String] = []

    @Option(
        name: [.customShort("n", allowingJoined: true), .long],
        help: "The namespace of its object.",
        completion: ServerCompletion.values(of: "object_namespace"))
    var namespace: [String] = []

    @Flag(
        name: [.customShort("A"), .long],
        help: "All namespaces, as without it, and a column for them in a table.")
    var allNamespaces = false

    @Option(
        help: "The name of its object.", completion: ServerCompletion.values(of: "object_name"))
    var name: [String] = []

    @Option(
        help: "The cluster that it comes from.",
        completion: ServerCompletion.values(of: "cluster"))
    var cluster: [String] = []

    @Option(
        help: "Its reason, such as BackOff.", completion: ServerCompletion.values(of: "reason"))
    var reason: [String] = []

    @Option(
        help: ArgumentHelp(
            "From this time on: an age such as 15m, 36h or 1w, a time such as 09:00, a day such as 2026-11-29, today or yesterday, both such as '2026-11-29 09:00', or RFC 3339.",
            valueName: "time"))
    var since: [String] = []

    @Option(help: ArgumentHelp("Before this time.", valueName: "time"))
    var until: [String] = []

    @Option(help: ArgumentHelp("Words that it contains.", valueName: "words"))
    var search: [String] = []

    @Option(
        help: ArgumentHelp(
            "Any other filter of docs/api.md; repeat it for several.", valueName: "name=value"))
    var filter: [String] = []

    /// The flags of query parameters, which include those of `events stats`.
    private static let flags = [
        "event_type": "type", "severity": "severity", "severity_min": "severity-min",
        "object_kind": "kind", "object_namespace": "namespace", "object_name": "name",
        "cluster": "cluster", "reason": "reason", "since": "since", "until": "until",
        "q": "search", "interval": "interval", "by": "by", "after": "after",
    ]

    func validate() throws {
        for text in filter where !text.dropFirst().contains("=") {
            throw ValidationError("--filter must be NAME=VALUE, not '\(text)'")
        }
        guard namespace.isEmpty || !allNamespaces else {
            throw ValidationError("give either --namespace or --all-namespaces")
        }
    }

    /// The parameters as in a query string.
    func parameters(_ clock: Clock) throws -> EventSource.Parameters {
        let now = Timestamp.now()
        let named = [
            ("event_type", type), ("severity", severity), ("severity_min", severityMin),
            ("object_kind", kind), ("object_namespace", namespace), ("object_name", name),
            ("cluster", cluster), ("reason", reason),
            ("since", try since.map { try clock.time($0, flag: "since", now: now) }),
            ("until", try until.map { try clock.time($0, flag: "until", now: now) }),
            ("q", search),
        ]
        return named.flatMap { name, values in values.map { (name: name, value: $0) } }
            + filter.map { text in
                let equals = text.firstIndex(of: "=") ?? text.endIndex
                return (String(text[..<equals]), String(text[equals...].dropFirst()))
            }
    }

    /// The flag that was typed for a query parameter.
    static func flag(of parameter: String) -> String {
        let isFilter = CommandLine.arguments.contains { argument in
            argument.hasPrefix("\(parameter)=") || argument.hasPrefix("--filter=\(parameter)=")
        }
        guard !isFilter, let flag = flags[parameter] else { return "--filter \(parameter)" }
        return "--\(flag)"
    }
}

extension Clock {
    /// Reads the value of a flag for a time.
    func time(_ text: String, flag: String, now: Timestamp) throws -> String {
        guard let time = read(text, now: now) else {
            throw ValidationError("--\(flag) must be \(Self.forms), not '\(text)'")
        }
        return time
    }
}

/// The order of events by time.
enum SortOrder: String, CaseIterable, ExpressibleByArgument {
    case desc, asc
}
