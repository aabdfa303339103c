import Events
import JSON

/// Answering clients of Kubernetes with it.
extension KubernetesObject {
    /// Makes it an object of events.k8s.io/v1.
    package mutating func becomeOfEventsGroup() {
        for (new, old) in Self.renamed {
            if let index = members.firstIndex(where: { $0.name == old }) {
                members[index].name = new
            }
        }
        // Its Go types leave out empty texts, which core/v1 has.
        members.removeAll { text[$0.value].elementsEqual("\"\"".utf8) }
        set("apiVersion", to: "\"events.k8s.io/v1\"")
    }

    /// Appends the whole object, or only its `metadata`.
    package func append(metadataOnly: Bool = false, to output: inout [UInt8]) {
        guard metadataOnly else { return output += rendered }
        output.append(
            "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":")
        output += self["metadata"].map { text[$0] } ?? []
        output.append("}")
    }

    /// Makes its `resourceVersion` the one of this store, and keeps the original in an annotation.
    /// Values that clients in Go could not read, because they are of another type, are repaired or
    /// left out: one of them would cost such a client the whole list.
    package mutating func prepare(resourceVersion version: String) {
        for (name, type) in Self.types {
            guard let value = self[name] else { continue }
            guard let typed = valid(value, type) else {
                members.removeAll { $0.name == name }
                continue
            }
            if typed[...] != text[value] { set(name, to: String(decoding: typed, as: UTF8.self)) }
        }
        var annotations: [UInt8] = []
        var kept: [UInt8] = []
        for (name, value) in entries(of: "metadata") {
            switch name {
            case "resourceVersion":
                let original = valid(value, .string) ?? []
                if original.first == UInt8(ascii: "\"") {
                    Self.append(Self.originalVersion, original, to: &annotations)
                }
            case "annotations":
                for (name, value) in entries(of: value) where name != Self.originalVersion {
                    Self.append(name, Array(text[value]), to: &annotations)
                }
            default: Self.append(name, Array(text[value]), to: &kept)
            }
        }
        var metadata = Array("{".utf8)
        if !annotations.isEmpty {
            metadata += "\"annotations\":{".utf8 + annotations.dropLast() + "},".utf8
        }
        metadata += kept + "\"resourceVersion\":\"\(version)\"}".utf8
        set("metadata", to: String(decoding: metadata, as: UTF8.self))
    }

    /// The annotation with the `resourceVersion` that the object had in its cluster.
    private static let originalVersion = "logbook/resource-version"

    private static func append(_ name: String, _ value: [UInt8], to output: inout [UInt8]) {
        output.appendJSONString(name)
        output.append(":")
        output += value
        output.append(",")
    }

    // MARK: Types

    /// A type of core/v1's Go types.
    fileprivate indirect enum ValueType {
        case string, int32
        /// metav1.Time, and metav1.MicroTime, which has exactly six digits behind the point.
        case time, microTime
        /// Members by name; those without a type stay as they are.
        case object([String: ValueType])
        /// Any names, with strings.
        case strings
    }

    private static let reference = ValueType.object([
        "kind": .string, "namespace": .string, "name": .string, "uid": .string,
        "apiVersion": .string, "resourceVersion": .string, "fieldPath": .string,
    ])
    /// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
    private static let types: [(String, ValueType)] = [
        ("action", .string), ("count", .int32), ("eventTime", .microTime),
        ("firstTimestamp", .time), ("involvedObject", reference), ("kind", .string),
        ("lastTimestamp", .time), ("message", .string),
        (
            "metadata",
            .object([
                "name": .string, "generateName": .string, "namespace": .string, "uid": .string,
                "selfLink": .string, "resourceVersion": .string, "creationTimestamp": .time,
                "deletionTimestamp": .time, "labels": .strings, "annotations": .strings,
            ])
        ),
        ("reason", .string), ("related", reference), ("reportingComponent", .string),
        ("reportingInstance", .string),
        ("series", .object(["count": .int32, "lastObservedTime": .microTime])),
        ("source", .object(["component": .string, "host": .string])), ("type", .string),
    ]

    /// The members of an object that is a member itself.
    private func entries(of name: String) -> [(name: String, value: Range<Int>)] {
        self[name].map(entries) ?? []
    }

    private func entries(of value: Range<Int>) -> [(name: String, value: Range<Int>)] {
        text.withUnsafeBytes { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(rebasing: bytes[value]))
            guard reader.isBeforeObject else { return [] }
            var entries: [(name: String, value: Range<Int>)] = []
            do throws(JSONError) {
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    let raw = try reader.skipValue().raw
                    let start = raw.baseAddress! - bytes.baseAddress!
                    entries.append((key.string, start..<start + raw.count))
                }
            } catch {
                preconditionFailure("what was written as JSON is JSON")
            }
            return entries
        }
    }

    /// The value as one of `type`, which may be null; nil if nothing of it can be.
    private func valid(_ value: Range<Int>, _ type: ValueType) -> [UInt8]? {
        let json = Array(text[value])
        guard json != Array("null".utf8) else { return json }
        switch type {
        case .string:
            switch json[0] {
            case UInt8(ascii: "\""): return json
            case UInt8(ascii: "{"), UInt8(ascii: "["): return nil
            default: return Array("\"".utf8) + json + "\"".utf8
            }
        case .int32: return Int32(String(decoding: json, as: UTF8.self)) == nil ? nil : json
        case .time, .microTime: return Self.time(json, isMicro: type.isMicro)
        case .strings:
            guard json[0] == UInt8(ascii: "{") else { return nil }
            return object(value) { _ in .string }
        case .object(let types):
            guard json[0] == UInt8(ascii: "{") else { return nil }
            return object(value) { types[$0] }
        }
    }

    private func object(_ value: Range<Int>, _ type: (String) -> ValueType?) -> [UInt8] {
        var output = Array("{".utf8)
        for (name, value) in entries(of: value) {
            guard let wanted = type(name) else {
                Self.append(name, Array(text[value]), to: &output)
                continue
            }
            if let typed = valid(value, wanted) { Self.append(name, typed, to: &output) }
        }
        if output.count > 1 { output.removeLast() }
        return output + "}".utf8
    }

    /// A time as Go reads it: as it is if it has that form, or in UTC, or null.
    private static func time(_ json: [UInt8], isMicro: Bool) -> [UInt8]? {
        let text = json.dropFirst().dropLast()
        guard json[0] == UInt8(ascii: "\""), let time = Timestamp(rfc3339: text) else {
            return Array("null".utf8)
        }
        let digits = text.dropFirst(20).prefix { $0 &- UInt8(ascii: "0") < 10 }.count
        let rest = Array(text.dropFirst(isMicro ? 26 : digits == 0 ? 19 : 20 + digits))
        let hasZone =
            rest == Array("Z".utf8)
            || (rest.count == 6 && [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(rest[0]))
        let hasPoint = text.dropFirst(19).first == UInt8(ascii: ".")
        let isExact = isMicro ? digits == 6 && hasPoint : (digits > 0) == hasPoint
        guard !isExact || !hasZone || text.dropFirst(10).first != UInt8(ascii: "T") else {
            return json
        }
        let utc = time.text.dropLast()
        return Array((isMicro ? "\"\(utc)000Z\"" : "\"\(utc.prefix(19))Z\"").utf8)
    }
}

extension KubernetesObject.ValueType {
    fileprivate var isMicro: Bool { if case .microTime = self { true } else { false } }
}
