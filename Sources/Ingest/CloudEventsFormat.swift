import Events
import JSON
import System

extension SenderFormat {
    /// CloudEvents 1.0 over HTTP: structured, in batches, and in headers.
    static let cloudEvents = SenderFormat(
        name: CloudEventsReader.name,
        summary: "Knative, Azure Event Grid, and any sender of CloudEvents 1.0",
        routes: [
            SenderRoute(.post, "/ingest/cloudevents"),
            // https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md, 4:
            // "this handshake does not aim to establish an authentication or authorization
            // context".
            SenderRoute(.options, "/ingest/cloudevents", isOpen: true) { _ in
                SenderAnswer(
                    headers: [
                        ("Allow", "GET, HEAD, OPTIONS, POST"), ("WebHook-Allowed-Origin", "*"),
                        ("WebHook-Allowed-Rate", "*"),
                    ], contentType: nil)
            },
        ],
        contentTypes: [
            "application/cloudevents+json", "application/cloudevents-batch+json",
            "application/json",
        ],
        example: """
            {"specversion":"1.0","id":"42","source":"/shop","type":"com.example.order.failed","time":"2026-11-30T02:36:27Z","subject":"order/7","severitytext":"ERROR","datacontenttype":"application/json","data":{"message":"no stock"}}
            """,
        configuration: """
            # Knative
            apiVersion: eventing.knative.dev/v1
            kind: Trigger
            metadata: {name: logbook}
            spec:
              broker: default
              subscriber: {uri: LOGBOOK/ingest/cloudevents}
            """,
        answers: SenderAnswers(
            stored: "200 and a summary: accepted, duplicates, rejected, left_out, errors",
            partlyRefused: "200 and the summary, with the reason for each event in errors",
            refused: "400, 415 or 422 and a problem"),
        reader: CloudEventsReader.self)
}

/// Reads events in one of the three modes of the HTTP binding. The id of an event is a hash of its
/// `source` and `id`, which are unique together by the specification.
struct CloudEventsReader: SenderReader {
    static let name = "cloudevents"

    /// The attributes in headers, if the mode is binary.
    private let attributes: [(name: String, value: String)]
    private let contentType: String

    private static let prefix = "ce-"

    init(_ request: SenderRequest) {
        contentType = request.header("content-type") ?? ""
        // HTTP binding, 3: the mode is told by the Content-Type; all others are binary. Here they
        // are only if there are attributes, because senders forget the type.
        let isStructured = contentType.lowercased().hasPrefix("application/cloudevents")
        attributes =
            isStructured
            ? []
            : request.headers.compactMap { name, value in
                let name = name.lowercased()
                guard name.hasPrefix(Self.prefix) else { return nil }
                return (String(name.dropFirst(Self.prefix.count)), Self.decoded(value))
            }
    }

    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, into batch: SenderBatch
    ) throws(SenderFailure) {
        guard attributes.isEmpty else {
            let event = try event(with: bytes)
            return try event.span.withUnsafeBytes { event throws(SenderFailure) in
                try SenderJSON.readBody(event) { Self.add($0, to: batch) }
            }
        }
        let first = bytes.firstSign
        guard first == nil || first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            throw SenderFailure(
                .unsupported,
                "The body is not JSON: send application/cloudevents+json, a batch, or attributes in ce- headers."
            )
        }
        try SenderJSON.readBody(bytes) { body in
            guard body.isArray else { return Self.add(body, to: batch) }
            SenderJSON.forEach(in: body) { Self.add($0, to: batch) }
        }
    }

    // MARK: Binary mode

    /// The structured form of an event whose attributes are in headers.
    private func event(with data: UnsafeRawBufferPointer) throws(SenderFailure) -> [UInt8] {
        var output: [UInt8] = []
        func append(_ name: String, _ text: String) {
            output.append(output.isEmpty ? "{" : ",")
            output.appendJSONString(name)
            output.append(":")
            output.appendJSONString(text)
        }
        for (name, value) in attributes { append(name, value) }
        if !contentType.isEmpty { append("datacontenttype", contentType) }
        guard !data.isEmpty else {
            output.append("}")
            return output
        }
        if let json = try json(data) {
            output.append(",\"data\":")
            output.append(contentsOf: json)
        } else if let text = String(validating: data, as: UTF8.self) {
            append("data", text)
        } else {
            append("data_base64", Base64.encode(data))
        }
        output.append("}")
        return output
    }

    /// The data, if it is JSON.
    private func json(_ data: UnsafeRawBufferPointer) throws(SenderFailure) -> [UInt8]? {
        let type = contentType.lowercased().prefix { $0 != ";" }
        guard !type.hasPrefix("text/") else { return nil }
        do throws(JSONError) {
            return try SenderJSON.read(data) { Array($0.raw) }
        } catch {
            guard type.hasSuffix("/json") || type.hasSuffix("+json") else { return nil }
            throw SenderFailure(.malformed, "The data is not valid JSON: \(error).")
        }
    }

    /// HTTP binding, 3.1.3.2: a value is "unescaped with respect to double-quoted strings", then
    /// percent-decoded once.
    static func decoded(_ value: String) -> String {
        var bytes = Array(value.utf8)
        let quote = UInt8(ascii: "\"")
        if bytes.count >= 2, bytes.first == quote, bytes.last == quote {
            var unquoted: [UInt8] = []
            var isEscaped = false
            for byte in bytes[1..<bytes.count - 1] {
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
                if !isEscaped { unquoted.append(byte) }
            }
            bytes = unquoted
        }
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let digits = bytes[index...].dropFirst().prefix(2)
            if bytes[index] == UInt8(ascii: "%"), digits.count == 2,
                digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                output.append(byte)
                index += 3
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    // MARK: Events

    private static func add(_ value: JSONSlice, to batch: SenderBatch) {
        guard value.isObject else { return batch.reject("an event must be an object") }
        let members = value.members
        func attribute(_ name: StaticString) -> String? {
            members.string(name).flatMap { $0.isEmpty ? nil : $0 }
        }
        guard let id = attribute("id"), let source = attribute("source"),
            let type = attribute("type")
        else { return batch.reject("id, source and type must be texts that are not empty") }
        guard attribute("specversion")?.hasPrefix("1.") == true else {
            return batch.reject("specversion must be 1.0")
        }
        let data = members.object("data")
        if let data, KubernetesFormat.isEvent(data) {
            // Knative's ApiServerSource: an Event that expired is no event.
            guard !type.hasSuffix(".resource.delete") else { return batch.add(.nothing) }
            return batch.addKubernetes(data)
        }
        let record = data.map(PlainRecord.init)
        let text = record?.message?.text ?? members.string("data")
        var event = SenderEvent(name, batch.options)
        event.setType("system")
        event.set(severity(members) ?? record?.statedSeverity ?? .info)
        event.setTitle(data?.string("title"), text, type)
        event.set(.description, data?.string("description") ?? text)
        event.set(.reason, type)
        if let subject = attribute("subject") {
            event.setObject(kind: "Subject", namespace: nil, name: subject)
        } else {
            event.setObject(kind: "Source", namespace: nil, name: source)
        }
        event.set(members.time("time"))
        let name = Array("\(source.utf8.count):\(source)\(id)".utf8)
        event.setID("ce:\(SenderEvent.hash(name))")
        var metadata = SenderMetadata()
        metadata.append(members)
        event.add(to: batch, metadata: metadata, content: members.raw)
    }

    /// The extension Severity: OpenTelemetry's numbers, or a word.
    private static func severity(_ members: OutermostMembers) -> Severity? {
        members.scalar("severitynumber").flatMap { Int($0) }.flatMap(Severity.init(number:))
            ?? members.string("severitytext").flatMap(Severity.init(word:))
    }
}
