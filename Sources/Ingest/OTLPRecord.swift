import Events
import JSON

/// A value of OpenTelemetry (`AnyValue`) as plain JSON: `{"intValue":"4"}` is `4`. Numbers keep all
/// their digits, bytes are base64, and a number that JSON does not have is a text.
struct OTLPValue {
    /// The value.
    var json: [UInt8]
    /// Its text, if it is one.
    var text: String?

    /// Containers nested deeper become null.
    static let mostDepth = 48

    static func text(_ text: String) -> OTLPValue {
        var json: [UInt8] = []
        json.appendJSONString(text)
        return OTLPValue(json: json, text: text)
    }

    /// Appends a number; one that JSON does not have as OTLP's JSON spells it.
    static func append(_ number: Double, to output: inout [UInt8]) {
        guard number.isFinite else {
            return output.appendJSONString(
                number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
        }
        output.append(contentsOf: "\(number)".utf8)
    }
}

/// Attributes by name, the first of each.
struct OTLPAttributes {
    private(set) var list: [(key: String, value: OTLPValue)] = []
    private var places: [String: Int] = [:]

    mutating func append(_ key: String, _ value: OTLPValue) {
        guard places[key] == nil else { return }
        places[key] = list.count
        list.append((key, value))
    }

    subscript(key: String) -> String? {
        guard let value = places[key].map({ list[$0].value }) else { return nil }
        return value.text ?? String(decoding: value.json, as: UTF8.self)
    }

    /// A JSON object.
    var json: [UInt8] {
        var output: [UInt8] = []
        var separator: StaticString = "{"
        for (key, value) in list {
            output.append(separator)
            separator = ","
            output.appendJSONString(key)
            output.append(":")
            output.append(contentsOf: value.json)
        }
        output.append(list.isEmpty ? "{}" : "}")
        return output
    }
}

/// The resource or the scope of records.
struct OTLPOrigin {
    var name = ""
    var version = ""
    var attributes = OTLPAttributes()
}

/// A log record, in either encoding.
struct OTLPRecord {
    /// Nanoseconds since 1970; 0 if unknown.
    var time: UInt64 = 0
    var observedTime: UInt64 = 0
    var severityNumber = 0
    var severityText = ""
    var body: OTLPValue?
    var attributes = OTLPAttributes()
    var droppedAttributes: UInt64 = 0
    var flags: UInt64 = 0
    /// Hexadecimal.
    var traceID = ""
    var spanID = ""
    var eventName = ""
}

/// What the records of a request share.
struct OTLPContext {
    var resource = OTLPOrigin()
    var scope = OTLPOrigin()
    /// A digest of the resource as it was sent.
    var digest: [UInt8] = []
    /// Both as JSON.
    private(set) var metadata = SenderMetadata()

    /// Makes `metadata` of the others.
    mutating func prepare() {
        var all = SenderMetadata()
        if !resource.attributes.list.isEmpty {
            all.append("resource", json: resource.attributes.json)
        }
        if !scope.name.isEmpty || !scope.attributes.list.isEmpty {
            var members = OTLPAttributes()
            if !scope.name.isEmpty { members.append("name", .text(scope.name)) }
            if !scope.version.isEmpty { members.append("version", .text(scope.version)) }
            if !scope.attributes.list.isEmpty {
                members.append("attributes", OTLPValue(json: scope.attributes.json))
            }
            all.append("scope", json: members.json)
        }
        metadata = all.repeatable
    }
}

extension OTLPRecord {
    /// Adds the record to `batch`, as an event of its own or as the Event of Kubernetes that it
    /// carries.
    ///
    /// - Parameter content: the record as it was sent.
    func add(_ content: UnsafeRawBufferPointer, of context: OTLPContext, to batch: SenderBatch) {
        if let body, addObject(body.json, context, to: batch) { return }
        let find = { (key: String) in attributes[key] ?? context.resource.attributes[key] }
        let text = body?.text
        let reason = find("k8s.event.reason")
        var event = SenderEvent(OTLPReader.name, batch.options)
        event.setType(reason != nil || find("k8s.event.uid") != nil ? "cluster" : "system")
        event.set(severity)
        let line = text?.firstLine
        event.setTitle(
            eventName, reason.map { reason in line.map { "\(reason): \($0)" } ?? reason }, line,
            attributes["event.name"], body.map { String(decoding: $0.json, as: UTF8.self) })
        event.set(.description, text)
        event.set(.reason, reason)
        event.set(.cluster, find("k8s.cluster.name"))
        setObject(of: &event, find)
        event.set(Timestamp(nanoseconds: time != 0 ? time : observedTime))
        if let uid = find("k8s.event.uid") {
            event.setID("otlp:k8s:\(uid):\(find("k8s.event.count") ?? "1")")
        }
        var metadata = metadata(
            isBodyWhole: text.map { $0.utf8.count <= EventRules.descriptionBytes })
        metadata.append(shared: context.metadata, in: batch)
        // The same record of another resource is another event.
        let whole = context.digest + Array(content)
        whole.withUnsafeBytes { event.add(to: batch, metadata: metadata, content: $0) }
    }

    /// Adds the Event of Kubernetes that the collector's k8sobjects receiver sends as body: the
    /// object, or the line of a watch.
    private func addObject(_ json: [UInt8], _ context: OTLPContext, to batch: SenderBatch) -> Bool {
        guard json.first == UInt8(ascii: "{") else { return false }
        return json.withUnsafeBytes { bytes in
            do throws(JSONError) {
                var reader = JSONReader(bytes)
                let members = try OutermostMembers(&reader)
                guard KubernetesFormat.isEvent(members) else { return false }
                batch.addKubernetes(
                    members, cluster: context.resource.attributes["k8s.cluster.name"])
                return true
            } catch {
                return false
            }
        }
    }

    private var severity: Severity {
        Severity(number: severityNumber) ?? Severity(word: severityText) ?? .info
    }

    private func setObject(of event: inout SenderEvent, _ find: (String) -> String?) {
        let namespace = find("k8s.namespace.name")
        if let kind = find("k8s.object.kind") {
            return event.setObject(
                kind: kind, namespace: namespace, name: find("k8s.object.name"))
        }
        for (key, kind) in [
            ("k8s.pod.name", "Pod"), ("k8s.node.name", "Node"), ("service.name", "Service"),
            ("host.name", "Host"),
        ] {
            if let name = find(key) {
                return event.setObject(kind: kind, namespace: namespace, name: name)
            }
        }
        event.setObject(kind: "Namespace", namespace: namespace, name: namespace)
    }

    private func metadata(isBodyWhole: Bool?) -> SenderMetadata {
        var metadata = SenderMetadata()
        func number(_ name: String, _ value: UInt64) {
            if value != 0 { metadata.append(name, json: Array("\(value)".utf8)) }
        }
        func text(_ name: String, _ value: String) {
            if !value.isEmpty { metadata.append(name, text: value) }
        }
        if let body, isBodyWhole != true { metadata.append("body", json: body.json) }
        if !attributes.list.isEmpty { metadata.append("attributes", json: attributes.json) }
        number("timeUnixNano", time)
        number("observedTimeUnixNano", observedTime)
        if severityNumber != 0 {
            metadata.append("severityNumber", json: Array("\(severityNumber)".utf8))
        }
        text("severityText", severityText)
        text("eventName", eventName)
        text("traceId", traceID)
        text("spanId", spanID)
        number("flags", flags)
        number("droppedAttributesCount", droppedAttributes)
        return metadata
    }
}
