import ArgumentParser
import Events
import Ingest

/// The formats of other programs that `serve` takes.
struct SenderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The least severity of the events that a format stores, such as records=warning; others are left out and counted. Several are separated by commas; GET /ingest lists the formats. (default: none)",
            valueName: "format=severity"))
    var ingestMinSeverity = ""

    /// All flags above, for the environment.
    static let valueFlags = ["ingest-min-severity"]

    func validate() throws { _ = try leastSeverities }

    /// The least severity by the name of a format.
    var leastSeverities: [String: Severity] {
        get throws {
            var severities: [String: Severity] = [:]
            for part in ingestMinSeverity.split(separator: ",") {
                let words = part.split(separator: "=", omittingEmptySubsequences: false)
                guard words.count == 2, SenderFormats.names.contains(String(words[0])),
                    let severity = Severity(rawValue: String(words[1]))
                else {
                    throw ValidationError(
                        "--ingest-min-severity must be FORMAT=SEVERITY with a format of \(SenderFormats.names.joined(separator: ", ")) and a severity of \(Severity.allCases.map(\.rawValue).joined(separator: ", ")), not '\(part)'"
                    )
                }
                severities[String(words[0])] = severity
            }
            return severities
        }
    }
}
