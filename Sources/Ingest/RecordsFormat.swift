import Events
import JSON

extension SenderFormat {
    /// Records in JSON, as Fluent Bit, Vector and Fluentd send them.
    static let records = SenderFormat(
        name: RecordsReader.name,
        summary:
            "Fluent Bit, Vector, Fluentd, and any JSON with a message and a time under usual names",
        routes: [SenderRoute(.post, "/ingest/records")],
        contentTypes: ["application/json", "application/x-ndjson"],
        example: """
            [{"date":1796000400.123,"level":"error","log":"no route to db","kubernetes":{"namespace_name":"shop","pod_name":"web-0"}}]
            """,
        configuration: """
            # Fluent Bit
            [OUTPUT]
                Name http
                Match events.*
                Host LOGBOOK
                Port 8080
                URI /ingest/records
                Format json_lines
                Compress gzip
                Header Authorization Bearer TOKEN
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "200 and the summary, with the reason for each record in errors",
            refused: "422 and a problem; the sender drops the batch and logs it",
            tooLarge:
                "200: a body has no limit, but a record of more than 1 MiB is among the errors"),
        isStream: true,
        reader: RecordsReader.self)
}

/// Reads objects one after another, one a line, or in an array.
struct RecordsReader: SenderReader {
    static let name = "records"

    private var items = SenderItems("record")

    init(_ request: SenderRequest) {}

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        try items.read(bytes, isLast: isLast, batch) { record in
            guard record.isObject else { return batch.reject("a record must be an object") }
            PlainRecord.add(record, Self.name, to: batch)
        }
    }
}

/// A record whose fields have usual names.
struct PlainRecord {
    let members: OutermostMembers
    private let kubernetes: OutermostMembers?

    init(_ members: OutermostMembers) {
        self.members = members
        kubernetes = members.object("kubernetes")
    }

    private static let messages: [StaticString] = [
        "message", "log", "msg", "MESSAGE", "short_message", "text",
    ]
    private static let times: [StaticString] = [
        "created_at", "@timestamp", "timestamp", "time", "ts", "date", "datetime",
    ]
    private static let severities: [StaticString] = [
        "severity", "level", "log.level", "log_level", "loglevel", "lvl", "severity_text",
        "PRIORITY",
    ]
    /// The fields of Logbook's own that are texts.
    private static let own: [StaticString] = [
        "id", "event_type", "severity", "title", "description", "object_kind", "object_namespace",
        "object_name", "created_at", "cluster", "reason",
    ]

    /// Adds the event of an object of `format`, which may be a Kubernetes Event.
    ///
    /// - Parameters:
    ///   - id: the event's id; nil for the record's own, or one made of its content.
    ///   - envelope: what was sent beside the record.
    static func add(
        _ record: JSONSlice, _ format: String, id: String? = nil,
        beside envelope: SenderMetadata = SenderMetadata(), to batch: SenderBatch
    ) {
        let members = record.members
        guard KubernetesFormat.isEvent(members) else {
            return PlainRecord(members).add(format, id: id, beside: envelope, to: batch)
        }
        batch.addKubernetes(members)
    }

    private func add(
        _ format: String, id: String?, beside envelope: SenderMetadata, to batch: SenderBatch
    ) {
        let type = members.string("event_type").flatMap { EventRules.isType($0) ? $0 : nil }
        let message = message
        let description = members.string("description") ?? message?.text
        var event = SenderEvent(format, batch.options)
        event.setType(type ?? "system")
        event.set(statedSeverity ?? .info)
        event.setTitle(
            members.string("title"), message?.text, members.string("reason"),
            message == nil ? String(decoding: members.compact, as: UTF8.self) : nil)
        event.set(.description, description)
        event.set(.reason, members.string("reason"))
        event.set(.cluster, members.string("cluster"))
        setObject(of: &event)
        event.set(time)
        if let id = id ?? (type == nil ? nil : members.string("id")) { event.setID(id) }
        var metadata = SenderMetadata()
        if type != nil, let object = members.object("metadata") {
            metadata.append(object)
        }
        // What an event has in full elsewhere is not repeated.
        let isWhole = description.map { $0.utf8.count <= EventRules.descriptionBytes } ?? false
        metadata.append(members) { key in
            if isWhole, let message, key.equals(message.name) { return true }
            return type != nil && isOwn(key)
        }
        metadata.append(envelope)
        event.add(to: batch, metadata: metadata, content: members.raw)
    }

    private func isOwn(_ key: JSONString) -> Bool {
        if key.equals("metadata") { return members.object("metadata") != nil }
        return Self.own.first(where: key.equals).flatMap(members.string) != nil
    }

    /// True if it names an object, even if it is only a host.
    var hasObject: Bool { object.name != nil }

    func setObject(of event: inout SenderEvent) {
        let object = object
        event.setObject(kind: object.kind, namespace: object.namespace, name: object.name)
    }

    private var object: (kind: String, namespace: String?, name: String?) {
        let namespace =
            members.string("object_namespace") ?? kubernetes?.string("namespace_name")
            ?? kubernetes?.string("pod_namespace") ?? kubernetes?.string("namespace")
        if let kind = members.string("object_kind"), let name = members.string("object_name") {
            return (kind, namespace, name)
        }
        let pod = kubernetes?.string("pod_name") ?? kubernetes?.object("pod")?.string("name")
        if let pod { return ("Pod", namespace, pod) }
        let host =
            members.string("host") ?? members.string("hostname")
            ?? members.object("host")?.string("name") ?? members.string("_HOSTNAME")
        return ("Host", namespace, host)
    }

    /// The severity under one of its usual names; nil if there is none.
    var statedSeverity: Severity? {
        let words = Self.severities.lazy.compactMap(members.scalar)
        if let severity = words.compactMap(Severity.init(sent:)).first { return severity }
        return members.object("log")?.scalar("level").flatMap(Severity.init(sent:))
    }

    var time: Timestamp? {
        Self.times.lazy.compactMap(members.scalar).compactMap(Timestamp.init(sent:)).first
    }

    /// The message, and the name of its member.
    var message: (name: StaticString, text: String)? {
        for name in Self.messages {
            if let text = members.string(name), !text.isEmpty { return (name, text) }
        }
        return nil
    }
}
