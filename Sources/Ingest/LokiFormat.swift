import Events
import JSON
import System

extension SenderFormat {
    /// Loki's push, in JSON and in compressed protobuf.
    static let loki = SenderFormat(
        name: LokiReader.name,
        summary: "Alloy, Promtail, Docker's driver, Fluent Bit: what pushes to Loki",
        routes: [SenderRoute(.post, "/loki/api/v1/push")],
        contentTypes: ["application/json", "application/x-protobuf"],
        example: """
            {"streams":[{"stream":{"namespace":"shop","pod":"web-0","level":"error"},"values":[["1796000400123456789","no route to db",{"trace_id":"5b8e"}]]}]}
            """,
        configuration: """
            // Alloy
            loki.write "logbook" {
              endpoint {
                url               = "LOGBOOK/loki/api/v1/push"
                bearer_token_file = "/etc/alloy/logbook-token"
              }
            }
            """,
        answers: SenderAnswers(
            stored: "204 without a body",
            partlyRefused: "204; GET /metrics counts what was rejected",
            refused: "400 or 422 and a problem; the sender drops the batch and logs it"),
        status: 204, reader: LokiReader.self)
}

/// Reads the streams of a push. An entry's id is made of its labels, its time and its line, by
/// which Loki too tells a repeat.
struct LokiReader: SenderReader {
    static let name = "loki"

    /// The longest body once it is decompressed, in bytes.
    private static let decompressedBytes = 16 * 1024 * 1024

    private let isCompressed: Bool

    init(_ request: SenderRequest) {
        isCompressed = request.contentType.contains("protobuf")
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        guard isCompressed else { return try readJSON(bytes, into: batch) }
        let content: [UInt8]
        do throws(Snappy.Failure) {
            content = try Snappy.decompress(bytes, limit: Self.decompressedBytes)
        } catch {
            switch error {
            case .corrupt:
                throw SenderFailure(.malformed, "The body is not a block of snappy.")
            case .tooLong:
                throw SenderFailure(
                    .tooLarge, "The body expands to more than \(Self.decompressedBytes) bytes.")
            }
        }
        try content.span.withUnsafeBytes { content throws(SenderFailure) in
            do throws(ProtobufError) { try LokiPush.read(content, into: batch) } catch {
                throw SenderFailure(.malformed, "The push request is malformed: \(error).")
            }
        }
    }

    private func readJSON(
        _ bytes: UnsafeRawBufferPointer, into batch: SenderBatch
    ) throws(SenderFailure) {
        let isPush = try SenderJSON.readBody(bytes) { body in
            guard body.isObject, let streams = body.members["streams"], streams.isArray else {
                return false
            }
            SenderJSON.forEach(in: streams) { stream in
                guard stream.isObject, let values = stream.members["values"], values.isArray,
                    let labels = stream.members.object("stream")
                else { return batch.reject("a stream must have labels and values") }
                let found = LokiStream(labels: labels)
                SenderJSON.forEach(in: values) { value in
                    guard let entry = LokiEntry(value) else {
                        return batch.reject(
                            "an entry must be a time in nanoseconds and a line, as strings")
                    }
                    found.add(entry, to: batch)
                }
            }
            return true
        }
        guard isPush else {
            throw SenderFailure(.invalid, "The body is not a push: an object with streams.")
        }
    }

    func answer(_ outcome: SenderOutcome) -> SenderAnswer? {
        // Loki's clients drop a whole batch that is refused. One without a valid entry tells why.
        outcome.isRefused ? nil : SenderAnswer(status: 204, contentType: nil)
    }
}

/// A line of a stream.
struct LokiEntry {
    /// Nanoseconds since 1970.
    let time: UInt64
    let line: String
    /// What is told of the line alone.
    let metadata: SenderMetadata
}

extension LokiEntry {
    /// Reads an entry in JSON: an array of a time, a line, and perhaps an object.
    init?(_ value: JSONSlice) {
        guard value.isArray else { return nil }
        var texts: [String] = []
        var metadata = SenderMetadata()
        var isValid = true
        SenderJSON.forEach(in: value) { part in
            if part.isObject {
                metadata.append(part.members)
            } else if let text = part.string {
                texts.append(text)
            } else {
                isValid = false
            }
        }
        guard isValid, texts.count == 2, let time = UInt64(texts[0]) else { return nil }
        self.init(time: time, line: texts[1], metadata: metadata)
    }
}

/// The labels that the lines of a stream share.
struct LokiStream {
    private let values: [String: String]
    private let metadata: SenderMetadata
    /// A digest of the labels in order, for ids.
    private let digest: [UInt8]

    /// Labels that name an object, and its kind.
    private static let objects: [(label: String, kind: String)] = [
        ("pod", "Pod"), ("pod_name", "Pod"), ("k8s_pod_name", "Pod"),
        ("container_name", "Container"), ("unit", "Unit"), ("node", "Node"), ("node_name", "Node"),
        ("hostname", "Host"), ("host", "Host"), ("instance", "Instance"), ("app", "Application"),
        ("service_name", "Application"), ("job", "Job"),
    ]
    private static let severities = ["level", "severity", "detected_level"]

    /// Labels as an object.
    init(labels: OutermostMembers) {
        self.init(
            labels.all.map { key, value in
                (key.string, value.string ?? String(decoding: value.raw, as: UTF8.self))
            })
    }

    /// Labels as a text, `{a="b", c="d"}`; nil if it is malformed.
    init?(labels text: String) {
        guard let pairs = LabelText.pairs(text) else { return nil }
        self.init(pairs)
    }

    private init(_ labels: [(name: String, value: String)]) {
        var metadata = SenderMetadata()
        var identity: [UInt8] = []
        for (name, value) in labels.sorted(by: { $0.name < $1.name }) {
            metadata.append(name, text: value)
            identity += Array(name.utf8) + [0] + Array(value.utf8) + [0]
        }
        self.metadata = metadata.repeatable
        digest = identity.withUnsafeBytes(SHA256Digest.of)
        values = Dictionary(labels.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// Adds the event of `entry` to `batch`.
    func add(_ entry: LokiEntry, to batch: SenderBatch) {
        let parts = LinePart.parts(of: entry.line)
        var event = SenderEvent(LokiReader.name, batch.options)
        let message = parts["msg"] ?? parts["message"]
        // A line of Alloy's loki.source.kubernetes_events.
        if let reason = parts["reason"], let kind = parts["kind"], let name = parts["name"],
            let type = parts["type"], type == "Normal" || type == "Warning"
        {
            event.setType("cluster")
            event.set(KubernetesSeverity.severity(type: type, reason: reason))
            event.setTitle(message.map { "\(reason): \($0)" }, reason)
            event.set(.reason, reason)
            event.setObject(kind: kind, namespace: values["namespace"], name: name)
        } else {
            event.setType("system")
            let words =
                Self.severities.lazy.compactMap { values[$0] }
                + Self.severities.lazy.compactMap { parts[$0] }
            event.set(words.lazy.compactMap { Severity(sent: $0) }.first ?? .info)
            event.setTitle(message, entry.line)
            setObject(of: &event)
        }
        event.set(.description, entry.line)
        event.set(.cluster, values["cluster"])
        event.set(Timestamp(nanoseconds: entry.time))
        var bytes = digest
        bytes += Array("\0\(entry.time)\0\(entry.line)".utf8)
        event.setID("\(LokiReader.name):\(SenderEvent.hash(bytes))")
        var metadata = entry.metadata
        metadata.append(shared: self.metadata, in: batch)
        metadata.append("timestamp", text: "\(entry.time)")
        event.add(
            to: batch, metadata: metadata, content: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func setObject(of event: inout SenderEvent) {
        let namespace =
            values["namespace"] ?? values["namespace_name"] ?? values["k8s_namespace_name"]
        for (label, kind) in Self.objects {
            guard let name = values[label], !name.isEmpty else { continue }
            return event.setObject(kind: kind, namespace: namespace, name: name)
        }
        event.setObject(kind: "Namespace", namespace: namespace, name: namespace)
    }
}

/// What a line says of itself: the fields of a JSON object, or pairs such as `level=warn msg="…"`.
private enum LinePart {
    private static let names: Set = [
        "detected_level", "kind", "level", "message", "msg", "name", "reason", "severity", "type",
    ]
    /// The longest line that is looked into, in bytes.
    private static let mostBytes = 64 * 1024

    static func parts(of line: String) -> [String: String] {
        guard line.utf8.count <= mostBytes else { return [:] }
        var found: [String: String] = [:]
        let bytes = Array(line.utf8)
        guard bytes.first == UInt8(ascii: "{") else {
            for (name, value) in LabelText.pairs(ofLine: bytes)
            where names.contains(name) && found[name] == nil { found[name] = value }
            return found
        }
        try? bytes.withUnsafeBytes { bytes in
            try SenderJSON.read(bytes) { value in
                for (key, value) in value.members.all {
                    let name = key.string
                    guard names.contains(name), found[name] == nil else { continue }
                    if let text = value.string { found[name] = text }
                }
            }
        }
        return found
    }
}

/// Pairs of names and values in a text.
enum LabelText {
    /// Labels as Prometheus and Loki write them: `{a="b", c="d"}`; nil if that is not all there is.
    static func pairs(_ text: String) -> [(name: String, value: String)]? {
        var rest = Array(text.utf8)[...]
        func skipBlanks() { rest = rest.drop { $0 == UInt8(ascii: " ") } }
        func take(_ byte: UInt8) -> Bool {
            skipBlanks()
            guard rest.first == byte else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard take(UInt8(ascii: "{")) else { return nil }
        var pairs: [(name: String, value: String)] = []
        while !take(UInt8(ascii: "}")) {
            skipBlanks()
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: " ") }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, take(UInt8(ascii: "=")), take(UInt8(ascii: "\"")),
                let value = quoted(&rest)
            else { return nil }
            pairs.append((String(decoding: name, as: UTF8.self), value))
            guard take(UInt8(ascii: ",")) || rest.first == UInt8(ascii: "}") else { return nil }
        }
        skipBlanks()
        return rest.isEmpty ? pairs : nil
    }

    /// The pairs of a line of logfmt; none if it does not begin with one.
    static func pairs(ofLine line: [UInt8]) -> [(name: String, value: String)] {
        var rest = line[...]
        var pairs: [(name: String, value: String)] = []
        while true {
            rest = rest.drop { $0 == UInt8(ascii: " ") }
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 > UInt8(ascii: " ") }
            guard !name.isEmpty, rest.dropFirst(name.count).first == UInt8(ascii: "=") else {
                return pairs
            }
            rest = rest.dropFirst(name.count + 1)
            if rest.first == UInt8(ascii: "\"") {
                rest = rest.dropFirst()
                guard let value = quoted(&rest) else { return pairs }
                pairs.append((String(decoding: name, as: UTF8.self), value))
            } else {
                let value = rest.prefix { $0 > UInt8(ascii: " ") }
                rest = rest.dropFirst(value.count)
                pairs.append(
                    (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            }
        }
    }

    /// The text before the closing quote; nil if there is none.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String? {
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            switch rest.popFirst() {
            case nil: return nil
            case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "t"): text.append(UInt8(ascii: "\t"))
            case let byte? where byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\"):
                text.append(byte)
            case let byte?: text += [UInt8(ascii: "\\"), byte]
            }
        }
        return nil
    }
}

/// A push in protobuf (logproto.PushRequest, github.com/grafana/loki/pkg/push/push.proto).
private enum LokiPush {
    static func read(
        _ bytes: UnsafeRawBufferPointer, into batch: SenderBatch
    ) throws(ProtobufError) {
        var push = ProtobufReader(bytes)
        while let field = try push.next() {
            guard field.number == 1 else { continue }
            let stream = try field.bytes()
            do throws(ProtobufError) { try readStream(stream, into: batch) } catch {
                batch.reject("the stream is not valid: \(error)", .malformed)
            }
        }
    }

    private static func readStream(
        _ bytes: UnsafeRawBufferPointer, into batch: SenderBatch
    ) throws(ProtobufError) {
        // The labels may come after the lines.
        var labels = "{}"
        var fields = ProtobufReader(bytes)
        while let field = try fields.next() {
            if field.number == 1 { labels = try field.text() }
        }
        guard let stream = LokiStream(labels: labels) else {
            return batch.reject("the labels of a stream are malformed", .malformed)
        }
        fields = ProtobufReader(bytes)
        while let field = try fields.next() {
            guard field.number == 2 else { continue }
            let bytes = try field.bytes()
            do throws(ProtobufError) { stream.add(try entry(bytes), to: batch) } catch {
                batch.reject("the entry is not valid: \(error)", .malformed)
            }
        }
    }

    private static func entry(_ bytes: UnsafeRawBufferPointer) throws(ProtobufError) -> LokiEntry {
        var seconds: UInt64 = 0
        var nanoseconds: UInt64 = 0
        var line = ""
        var metadata = SenderMetadata()
        var fields = ProtobufReader(bytes)
        while let field = try fields.next() {
            switch field.number {
            case 1:
                var time = ProtobufReader(try field.bytes())
                while let part = try time.next() {
                    if part.number == 1 { seconds = try part.varint() }
                    if part.number == 2 { nanoseconds = try part.varint() }
                }
            case 2: line = try field.text()
            case 3:
                var name = ""
                var value = ""
                var pair = ProtobufReader(try field.bytes())
                while let part = try pair.next() {
                    if part.number == 1 { name = try part.text() }
                    if part.number == 2 { value = try part.text() }
                }
                metadata.append(name, text: value)
            default: break
            }
        }
        // A time that no event can have, such as a negative one, is none.
        let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let isTime = !overflows && nanoseconds < 1_000_000_000 && product <= UInt64(Int64.max)
        return LokiEntry(
            time: isTime ? product + nanoseconds : 0, line: line, metadata: metadata)
    }
}
