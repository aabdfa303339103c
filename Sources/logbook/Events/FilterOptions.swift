import ArgumentParser

/// Event filters: the query parameters of the HTTP interface. The server, or the store over a file,
/// validates them.
struct FilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The event's type.", valueName: "type"))
    var type: String?

    @Option(help: "Its severity: info, warning, error or critical.")
    var severity: String?

    @Option(help: "The lowest severity.")
    var severityMin: String?

    @Option(help: "The kind of its object, such as Pod.")
    var kind: String?

    @Option(help: "The namespace of its object.")
    var namespace: String?

    @Option(help: "The name of its object.")
    var name: String?

    @Option(help: "The cluster that it comes from.")
    var cluster: String?

    @Option(help: "Its reason, such as BackOff.")
    var reason: String?

    @Option(
        help: ArgumentHelp(
            "From this time on: an RFC 3339 time, or an age such as 15m, 36h or 7d.",
            valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Before this time: a time or an age.", valueName: "time"))
    var until: String?

    @Option(help: ArgumentHelp("Words that it contains.", valueName: "words"))
    var search: String?

    @Option(
        help: ArgumentHelp(
            "Any other filter of docs/api.md; repeat it for several.", valueName: "name=value"))
    var filter: [String] = []

    func validate() throws {
        for text in filter where !text.dropFirst().contains("=") {
            throw ValidationError("--filter must be NAME=VALUE, not '\(text)'")
        }
    }

    /// The parameters as in a query string.
    var parameters: EventSource.Parameters {
        let named = [
            ("event_type", type), ("severity", severity), ("severity_min", severityMin),
            ("object_kind", kind), ("object_namespace", namespace), ("object_name", name),
            ("cluster", cluster), ("reason", reason), ("since", since), ("until", until),
            ("q", search),
        ]
        let given = named.compactMap { name, value in value.map { (name: name, value: $0) } }
        return given
            + filter.map { text in
                let equals = text.firstIndex(of: "=") ?? text.endIndex
                return (String(text[..<equals]), String(text[equals...].dropFirst()))
            }
    }
}

/// The order of events by time.
enum SortOrder: String, CaseIterable, ExpressibleByArgument {
    case desc, asc
}
