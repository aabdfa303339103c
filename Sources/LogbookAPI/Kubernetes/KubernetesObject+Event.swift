import Events
import Ingest
import JSON

extension KubernetesObject {
    /// The Event object of a stored event. What came from Kubernetes is as it came; of anything else
    /// it is made of the event's fields.
    ///
    /// - Parameter version: its `resourceVersion`, which is this store's.
    init(_ event: EventView, version: String) {
        if Self.prefix(of: event) != nil, let metadata = event[.metadata],
            let object = Self(json: metadata), object.isObject("involvedObject"),
            object.isObject("metadata"), object.scalar("kind") == "Event"
        {
            self = object
        } else {
            let made = Self.made(of: event)
            guard let object = made.withUnsafeBytes({ Self(json: $0) }) else {
                preconditionFailure("what was written as JSON is JSON")
            }
            self = object
        }
        prepare(resourceVersion: version)
    }

    private init?(json: UnsafeRawBufferPointer) {
        // A row of another program may have a key twice.
        var whole = JSONReader(json)
        guard (try? whole.skipValue()) != nil else { return nil }
        var reader = JSONReader(json)
        guard reader.isBeforeObject, let object = try? KubernetesObject(&reader) else {
            return nil
        }
        self = object
    }

    /// The ids of all revisions of the event's object begin with this; nil if it is none of
    /// Kubernetes.
    static func prefix(of event: EventView) -> [UInt8]? {
        guard let id = event[.id], id.starts(with: "k8s:".utf8) else { return nil }
        guard id.starts(with: "k8s:core:".utf8), let colon = id.lastIndex(of: UInt8(ascii: ":"))
        else { return Array(id) }
        return Array(id[...colon])
    }

    private static func made(of event: EventView) -> [UInt8] {
        func text(_ field: EventField) -> String? {
            event[field].map { String(decoding: $0, as: UTF8.self) }
        }
        let id = text(.id) ?? ""
        let time = "\((text(.createdAt) ?? "").prefix(19))Z"
        let namespace = text(.objectNamespace) ?? defaultNamespace
        let severity = text(.severity) ?? ""
        let type = text(.eventType) ?? ""
        let source = senders[String(id.prefix { $0 != ":" })] ?? type
        var message = text(.title) ?? ""
        if let description = text(.description), !description.isEmpty, description != message {
            message = description.hasPrefix(message) ? description : "\(message)\n\(description)"
        }
        var output: [UInt8] = []
        output.append("{\"apiVersion\":\"v1\",\"count\":")
        output.appendInteger(max(1, Int(event.occurrences)))
        output.append(",\"eventTime\":null,\"firstTimestamp\":")
        output.appendJSONString(time)
        output.append(",\"involvedObject\":")
        append(
            [
                ("apiVersion", text(.objectKind).flatMap(apiVersion)), ("kind", text(.objectKind)),
                ("name", text(.objectName)), ("namespace", text(.objectNamespace)),
            ], to: &output)
        output.append(",\"kind\":\"Event\",\"lastTimestamp\":")
        output.appendJSONString(time)
        output.append(",\"message\":")
        output.appendJSONString(message)
        output.append(",\"metadata\":{\"annotations\":")
        append(
            [
                ("logbook/cluster", text(.cluster)), ("logbook/event-type", type),
                ("logbook/severity", severity),
            ], to: &output)
        output.append(",\"creationTimestamp\":")
        output.appendJSONString(time)
        output.append(",\"name\":")
        output.appendJSONString(id)
        output.append(",\"namespace\":")
        output.appendJSONString(namespace)
        output.append(",\"uid\":")
        output.appendJSONString(id)
        output.append("},\"reason\":")
        output.appendJSONString(text(.reason) ?? "")
        output.append(",\"reportingComponent\":")
        output.appendJSONString(source)
        output.append(",\"reportingInstance\":\"\",\"source\":{\"component\":")
        output.appendJSONString(source)
        output.append("},\"type\":")
        output.appendJSONString(severity == Severity.info.rawValue ? "Normal" : "Warning")
        output.append("}")
        return output
    }

    private static func apiVersion(of kind: String) -> String? {
        KubernetesDiscovery.kinds.first { $0.kind == kind }?.apiVersion
    }

    private static func append(_ members: [(StaticString, String?)], to output: inout [UInt8]) {
        var separator: StaticString = "{"
        for case (let name, let value?) in members {
            output.append(separator)
            separator = ","
            output.append("\"")
            output.append(name)
            output.append("\":")
            output.appendJSONString(value)
        }
        if members.allSatisfy({ $0.1 == nil }) { output.append("{") }
        output.append("}")
    }

    /// The namespace of events about objects that are in none.
    static let defaultNamespace = "default"

    /// The senders that begin their events' ids with a word of their own, by that word.
    private static let senders = ["am": "alertmanager", "ce": "cloudevents"].merging(
        SenderFormats.all.map { ($0.name, $0.name) }, uniquingKeysWith: { first, _ in first })
}
