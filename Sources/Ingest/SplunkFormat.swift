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
            + ["/services/collector/raw", "/services/collector/raw/1.0"].map {
                SenderRoute(.post, $0, reader: SplunkRawReader.self)
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

    fileprivate static func add(_ value: JSONSlice, to batch: SenderBatch) {
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
        // Docker's driver has the line of a log in `line`: a text, or its JSON.
        let record = envelope.object("event").map { PlainRecord($0.object("line") ?? $0) }
        let fields = envelope.object("fields")
        let text = envelope.scalar("event")
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

    func answer(_ outcome: SenderOutcome) -> SenderAnswer? { Self.answer(outcome) }

    fileprivate static func answer(_ outcome: SenderOutcome) -> SenderAnswer? {
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

/// Reads lines of text, each an event; the query has the members of their envelope.
struct SplunkRawReader: SenderReader {
    private let envelope: SenderMetadata
    /// The line so far, as much of it as is kept.
    private var line: [UInt8] = []
    private var isEmpty = true

    private static let members = ["time", "host", "source", "sourcetype", "index"]

    init(_ request: SenderRequest) {
        var envelope = SenderMetadata()
        for (name, value) in request.query where Self.members.contains(name) {
            envelope.append(name, text: value)
        }
        self.envelope = envelope
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            keep(rest[..<end])
            rest = rest[(end + 1)...]
            endLine(batch)
        }
        keep(rest)
        guard isLast else { return }
        endLine(batch)
        guard !isEmpty else { throw SenderFailure(.malformed, "The body is empty.") }
    }

    /// Keeps one byte more than a line may have.
    private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        line.append(contentsOf: bytes.prefix(SenderItems.itemBytes + 1 - line.count))
    }

    private mutating func endLine(_ batch: SenderBatch) {
        defer { line = [] }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard line.contains(where: { !$0.isJSONWhitespace }) else { return }
        isEmpty = false
        guard line.count <= SenderItems.itemBytes else {
            return batch.reject("the line is longer than \(SenderItems.itemBytes) bytes", .tooLarge)
        }
        var event = SenderMetadata()
        event.append("event", text: String(decoding: line, as: UTF8.self))
        event.append(envelope)
        event.json.withUnsafeBytes { bytes in
            do throws(JSONError) {
                try SenderJSON.read(bytes) { SplunkReader.add($0, to: batch) }
            } catch {
                preconditionFailure("what was written is JSON")
            }
        }
    }

    func answer(_ outcome: SenderOutcome) -> SenderAnswer? { SplunkReader.answer(outcome) }
}
