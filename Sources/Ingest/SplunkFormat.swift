import Events
import JSON

extension SenderFormat {
    /// Splunk's HTTP Event Collector.
    static let splunk = SenderFormat(
        name: SplunkReader.name,
        summary: "Splunk's HTTP Event Collector: Docker, Vector, Fluent Bit, OpenTelemetry",
        routes: SplunkReader.paths.flatMap { path in
            [
                SenderRoute(.post, path),
                // Docker's driver asks at its start, without its token, and wants a 200.
                SenderRoute(.options, path, isOpen: true) { _ in
                    SenderAnswer(headers: [("Allow", "GET, HEAD, OPTIONS, POST")], contentType: nil)
                },
            ]
        }
            + ["/services/collector/health", "/services/collector/health/1.0"].map { path in
                SenderRoute(.get, path, isOpen: true) { _ in
                    SenderAnswer(body: Array("{\"text\":\"HEC is healthy\",\"code\":17}\n".utf8))
                }
            },
        contentTypes: ["application/json"],
        example: """
            {"time":1796006187.5,"host":"n1","source":"app","sourcetype":"_json","index":"main","event":{"message":"no route to db","level":"error"},"fields":{"zone":"eu-1a"}}
            """,
        configuration: """
            # Vector
            [sinks.logbook]
            type = "splunk_hec_logs"
            inputs = ["events"]
            endpoint = "LOGBOOK"
            default_token = "TOKEN"
            encoding.codec = "json"
            """,
        answers: SenderAnswers(
            stored: "200 and {\"text\":\"Success\",\"code\":0}",
            partlyRefused: "200 and {\"text\":\"Success\",\"code\":0,\"rejected\":N}",
            refused: "422 and a problem; the sender drops the batch",
            tooLarge:
                "200: a body has no limit, but an event of more than 1 MiB is among the rejected"),
        isStream: true,
        reader: SplunkReader.self)
}

/// Reads events one after another, each in an envelope with its time, host and source.
struct SplunkReader: SenderReader {
    static let name = "splunk"
    fileprivate static let paths = [
        "/services/collector/event", "/services/collector/event/1.0", "/services/collector",
    ]

    private var items = SenderItems("event")

    init(_ request: SenderRequest) {}

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        try items.read(bytes, isLast: isLast, batch) { Self.add($0, to: batch) }
    }

    private static func add(_ value: JSONSlice, to batch: SenderBatch) {
        guard value.isObject else { return batch.reject("an event must be an object") }
        let envelope = value.members
        guard let content = envelope["event"], !content.isNull,
            !content.raw.elementsEqual("\"\"".utf8)
        else {
            return batch.reject("event must not be missing or empty")
        }
        guard content.isObject, KubernetesFormat.isEvent(content.members) else {
            return add(envelope, to: batch)
        }
        batch.addKubernetes(content.members)
    }

    private static func add(_ envelope: OutermostMembers, to batch: SenderBatch) {
        let record = envelope.object("event").map(PlainRecord.init)
        let fields = envelope.object("fields")
        let text = envelope.scalar("event")
        // Docker's driver has the line of a log in `line`.
        let message = text ?? record?.message?.text ?? record?.members.string("line")
        var event = SenderEvent(name, batch.options)
        event.setType("system")
        event.set(
            record?.statedSeverity ?? fields.flatMap { PlainRecord($0).statedSeverity } ?? .info)
        event.setTitle(
            record?.members.string("title"), message,
            envelope["event"].map { String(decoding: $0.raw, as: UTF8.self) })
        event.set(.description, record?.members.string("description") ?? message)
        event.set(.reason, record?.members.string("reason"))
        if let pod = fields?.string("k8s.pod.name") {
            event.setObject(
                kind: "Pod", namespace: fields?.string("k8s.namespace.name"), name: pod)
        } else if let record, record.hasObject {
            record.setObject(of: &event)
        } else {
            event.setObject(kind: "Host", namespace: nil, name: envelope.string("host"))
        }
        event.set(envelope.scalar("time").flatMap(Timestamp.init(sent:)) ?? record?.time)
        var metadata = SenderMetadata()
        // A text that the description has in full is not repeated.
        let isWhole = text.map { $0.utf8.count <= EventRules.descriptionBytes } ?? false
        metadata.append(envelope) { key in isWhole && key.equals("event") }
        event.add(to: batch, metadata: metadata, content: envelope.raw)
    }

    func answer(_ outcome: SenderOutcome) -> SenderAnswer? {
        guard !outcome.isRefused else { return nil }
        var body: [UInt8] = []
        body.append("{\"text\":\"Success\",\"code\":0")
        if outcome.rejected > 0 {
            body.append(",\"rejected\":")
            body.appendInteger(outcome.rejected)
        }
        body.append("}\n")
        return SenderAnswer(body: body)
    }
}
