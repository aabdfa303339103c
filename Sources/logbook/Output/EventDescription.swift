import Events
import JSON

/// All of an event for people, as `kubectl describe` shows an object.
struct EventDescription {
    private let event: ListedEvent
    private let times: TimeWriter

    private static let labelColumns = 14

    init(_ event: ListedEvent, _ times: TimeWriter) {
        self.event = event
        self.times = times
    }

    /// Appends the text; what is null is left out.
    func append(to output: inout [UInt8]) throws(JSONError) {
        let now = Timestamp.now()
        let fields: [(label: String, text: String?)] = [
            ("ID", event[.id]), ("Title", event[.title]), ("Severity", event[.severity]),
            ("Type", event[.eventType]), ("Reason", event[.reason]), ("Object", event.object),
            ("Namespace", event[.objectNamespace]), ("Cluster", event[.cluster]),
            ("Component", event.component), ("Count", event.count),
            ("Created", event[.createdAt].map { times.fullText($0, now: now) }),
            ("Received", event[.receivedAt].map { times.fullText($0, now: now) }),
            ("Seq", event[.seq]), ("Fold key", event[.foldKey]),
        ]
        for (label, text) in fields {
            guard let text, !text.isEmpty else { continue }
            let name = TerminalText("\(label):").padded(to: Self.labelColumns)
            output += Array("\(name)\(TerminalText(text).string)\n".utf8)
        }
        if let description = event[.description] {
            output += Array("Description:\n".utf8)
            for line in description.split(
                omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            {
                output += Array("  \(TerminalText(String(line)).string)\n".utf8)
            }
        }
        if let metadata = event[.metadata], metadata != "{}" {
            output += Array("Metadata:\n".utf8)
            var yaml: [UInt8] = []
            try Array(metadata.utf8).span.withUnsafeBytes { bytes throws(JSONError) in
                try YAML.append(bytes, indent: 2, to: &yaml)
            }
            output += PrintedText.escaped(yaml)
        }
    }
}
