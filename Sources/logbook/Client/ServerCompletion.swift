import ArgumentParser
import Glibc

/// Completions in a shell that the server knows, such as the names of namespaces.
enum ServerCompletion {
    private static let timeoutSeconds = "1"
    /// Values of the last week, as long as the severest of them are not yet too old to be kept.
    private static let range = [(name: "since", value: "1w")]

    /// The most frequent values of `field` on the server that is typed so far, or that the
    /// environment names; none if it does not answer at once.
    static func values(of field: String) -> CompletionKind {
        .custom { typed, _, _ in
            do {
                let source = try SourceOptions.parse(connection(typed))
                let json = try source.client().request(
                    "GET", EventSource.target("/events/stats", range + [("by", field)]))
                return try EventCounts(json).totals.first?.counts.compactMap(\.value) ?? []
            } catch {
                // A completion has no place for an error.
                return []
            }
        }
    }

    /// The flags for the connection among those that were typed, or their variables.
    private static func connection(_ typed: [String]) -> [String] {
        var flags = ["--timeout", timeoutSeconds]
        for flag in ["server"] + TrustOptions.valueFlags {
            let value =
                zip(typed, typed.dropFirst()).first { $0.0 == "--\(flag)" }?.1
                ?? typed.first { $0.hasPrefix("--\(flag)=") }.map {
                    String($0.dropFirst(flag.count + 3))
                }
                ?? getenv(Environment.variable(flag)).map { String(cString: $0) }
            if let value, !value.isEmpty { flags += ["--\(flag)", value] }
        }
        return flags
    }
}
