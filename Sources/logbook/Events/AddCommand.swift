import ArgumentParser
import Events
import JSON

/// `logbook events add`
struct AddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Store one event, and show it as it is stored.",
        discussion: """
            When the command exits with 0, the event is on the server's disk. Failures are retried \
            for --patience seconds, and the event is never stored twice.

            Examples:
              logbook events add --type operator --severity info --title 'Rollout 41 began'
              logbook events add --type health --severity error --title 'Disk is full' \\
                --kind Node --name node-3 --metadata '{"free":0}' -o json | jq -r .id
            """)

    @Option(
        help: "The event's type, such as cluster, operator, insight, assessment, health or system.")
    var type: String

    @Option(
        help: "Its severity: info, warning, error or critical.",
        completion: .list(Severity.allCases.map(\.rawValue)))
    var severity: String

    @Option(help: ArgumentHelp("What happened, in one line.", valueName: "text"))
    var title: String

    @Option(help: ArgumentHelp("What happened, in detail. (default: none)", valueName: "text"))
    var description: String?

    @Option(help: "The kind of its object, such as Pod. (default: none)")
    var kind: String?

    @Option(help: "The namespace of its object. (default: none)")
    var namespace: String?

    @Option(help: "The name of its object. (default: none)")
    var name: String?

    @Option(help: "The cluster that it comes from. (default: none)")
    var cluster: String?

    @Option(help: "Its reason, a word for programs, such as BackOff. (default: none)")
    var reason: String?

    @Option(help: "The number of occurrences that it reports. (default: 1)")
    var occurrences: Int?

    @Option(help: ArgumentHelp("A JSON object. (default: none)", valueName: "json"))
    var metadata: String?

    @Option(help: "Its id; the same id with the same content is one event. (default: a new one)")
    var id: String?

    @Option(
        help: ArgumentHelp(
            "When it happened, as --since of events list takes it. (default: now)",
            valueName: "time"))
    var createdAt: String?

    @OptionGroup
    var server: ServerOptions

    @Option(
        help: "Seconds to keep trying if the server is unreachable or full. (default: 10)",
        transform: Units.wholeSeconds)
    var patience = 10

    @OptionGroup
    var output: OutputOptions

    static let valueFlags = ServerOptions.valueFlags + OutputOptions.valueFlags

    func validate() throws {
        try Patience.check(patience)
        guard let metadata else { return }
        do throws(JSONError) {
            try Array(metadata.utf8).span.withUnsafeBytes { bytes throws(JSONError) in
                var reader = JSONReader(bytes)
                _ = try reader.skipValue()
                try reader.expectEnd()
            }
        } catch {
            throw ValidationError("--metadata is not JSON: \(error)")
        }
    }

    /// The time of `--created-at`; an age is counted back from now.
    private func time() throws -> String? {
        let now = Timestamp.now()
        guard let createdAt else { return nil }
        let read = try output.clock.time(createdAt, flag: "created-at", now: now)
        guard let age = Age.milliseconds(read) else { return read }
        return Timestamp(clamping: now.milliseconds - age).text
    }

    func run() throws {
        try reportingFailures(of: server.server) {
            let client = try server.client()
            let body = try json()
            let stored = try Patience(seconds: patience).retrying { () throws(ClientError) in
                try client.request(
                    "POST", "/events", headers: [("Content-Type", "application/json")], body: body)
            }
            try EventPrinter.print(single: stored, output)
        }
    }

    /// The event's JSON. Without an id it gets one here, so that a retry sends the same event.
    private func json() throws -> [UInt8] {
        var id = Array((self.id ?? "").utf8)
        if self.id == nil { EventID.append(now: Timestamp.now(), to: &id) }
        let texts: [(field: EventField, value: String?)] = [
            (.eventType, type), (.severity, severity), (.title, title), (.description, description),
            (.objectKind, kind), (.objectNamespace, namespace), (.objectName, name),
            (.createdAt, try time()), (.cluster, cluster), (.reason, reason),
        ]
        var json: [UInt8] = []
        json.append("{\"id\":")
        json.appendJSONString(String(decoding: id, as: UTF8.self))
        for (field, value) in texts {
            guard let value else { continue }
            json += Array(",\"\(field.name)\":".utf8)
            json.appendJSONString(value)
        }
        if let occurrences { json += Array(",\"occurrences\":\(occurrences)".utf8) }
        if let metadata {
            json.append(",\"metadata\":")
            json += Array(metadata.utf8)
        }
        json.append("}")
        return json
    }
}
