import Events
import JSON

extension SenderFormat {
    /// Falco's `http_output`, and Falcosidekick's webhook.
    static let falco = SenderFormat(
        name: FalcoReader.name,
        summary: "Falco and Falcosidekick: an event for each alert",
        routes: [SenderRoute(.post, "/ingest/falco")],
        contentTypes: ["application/json"],
        example: """
            {"time":"2026-11-30T02:36:27.746609046Z","rule":"Terminal shell in container","priority":"Notice","source":"syscall","hostname":"n1","output":"02:36:27.746609046: Notice A shell was spawned in a container","tags":["container","shell"],"output_fields":{"k8s.ns.name":"shop","k8s.pod.name":"web-0","proc.cmdline":"sh"}}
            """,
        configuration: """
            # Falco sends no token: use a client certificate, or Falcosidekick.
            json_output: true
            http_output: {enabled: true, url: LOGBOOK/ingest/falco}

            # Falcosidekick
            webhook:
              address: LOGBOOK/ingest/falco
              customHeaders: {Authorization: Bearer TOKEN}
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "200 and the summary, with the reason for each alert in errors",
            refused: "422 and a problem; Falco ignores answers, Falcosidekick logs them",
            unavailable: "503; neither tries again"),
        isStream: true,
        reader: FalcoReader.self)
}

/// Reads alerts one after another. Falcosidekick's have a UUID, which is the id; the id of one
/// without is made of its content.
struct FalcoReader: SenderReader {
    static let name = "falco"

    private var items = SenderItems("alert")

    init(_ request: SenderRequest) {}

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        try items.read(bytes, isLast: isLast, batch) { Self.add($0, to: batch) }
    }

    private static func add(_ value: JSONSlice, to batch: SenderBatch) {
        guard value.isObject else { return batch.reject("an alert must be an object") }
        let alert = value.members
        guard let rule = alert.string("rule"), !rule.isEmpty else {
            return batch.reject("rule must be a text that is not empty")
        }
        var event = SenderEvent(name, batch.options)
        event.setType("security")
        event.set(alert.string("priority").flatMap(Severity.init(word:)) ?? .info)
        event.setTitle(rule)
        // Falco leaves members out if it is told to (`json_include_…_property`).
        event.set(.description, alert.string("output") ?? alert.string("message"))
        event.set(.reason, rule)
        let fields = alert.object("output_fields")
        // Falco writes <NA> for what it does not know.
        func field(_ name: StaticString) -> String? {
            fields?.string(name).flatMap { $0.isEmpty || $0 == "<NA>" ? nil : $0 }
        }
        if let pod = field("k8s.pod.name") {
            event.setObject(kind: "Pod", namespace: field("k8s.ns.name"), name: pod)
        } else {
            event.setObject(
                kind: "Host", namespace: field("k8s.ns.name"), name: alert.string("hostname"))
        }
        event.set(alert.time("time"))
        if let uuid = alert.string("uuid") { event.setID("falco:\(uuid)") }
        var metadata = SenderMetadata()
        metadata.append(alert)
        event.add(to: batch, metadata: metadata, content: alert.raw)
    }
}
