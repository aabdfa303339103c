import Events
package import JSON
import System

/// An Event object of Kubernetes in the shape of core/v1, its values as canonical JSON.
package struct KubernetesObject {
    var members: [(name: String, value: Range<Int>)] = []
    var text: [UInt8] = []

    /// Members that events.k8s.io/v1 names differently than core/v1; the API server keeps one object.
    static let renamed = [
        ("deprecatedCount", "count"), ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"), ("deprecatedSource", "source"),
        ("note", "message"), ("regarding", "involvedObject"),
        ("reportingController", "reportingComponent"),
    ]
    /// Members that core/v1 always has.
    private static let always = [
        ("eventTime", "null"), ("firstTimestamp", "null"), ("involvedObject", "{}"),
        ("lastTimestamp", "null"), ("reportingComponent", "\"\""), ("reportingInstance", "\"\""),
        ("source", "{}"),
    ]

    /// Reads the next object.
    package init(_ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            let name = key.string
            guard self[name] == nil else {
                throw reader.error("a key occurs twice in one object", at: key.offset)
            }
            let start = text.count
            // The API server's bookkeeping, often longer than the event itself.
            try CanonicalJSON.append(
                &reader, omitting: name == "metadata" ? "managedFields" : nil, to: &text)
            members.append((name, start..<text.count))
        }
        let version = scalar("apiVersion")
        if version?.hasPrefix("events.k8s.io/") ?? (has("regarding") || has("note")) { rename() }
        if !has("kind") { set("kind", to: "\"Event\"") }
        set("apiVersion", to: "\"v1\"")
    }

    private mutating func rename() {
        for (old, new) in Self.renamed where !has(new) {
            if let index = members.firstIndex(where: { $0.name == old }) {
                members[index].name = new
            }
        }
        for (name, value) in Self.always where !has(name) { set(name, to: value) }
        if scalar("count") == "0" { members.removeAll { $0.name == "count" } }
    }

    mutating func set(_ name: String, to json: String) {
        members.removeAll { $0.name == name }
        let start = text.count
        text += json.utf8
        members.append((name, start..<text.count))
    }

    // MARK: Values

    subscript(_ name: String) -> Range<Int>? {
        members.first { $0.name == name }?.value
    }

    func has(_ name: String) -> Bool { self[name] != nil }

    /// A string, a number or a boolean as text; nil for anything else.
    package func scalar(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        return text.withUnsafeBytes { Self.scalar(UnsafeRawBufferPointer(rebasing: $0[value])) }
    }

    /// The same of a member of the object `name`.
    package func scalar(_ name: String, _ member: StaticString) -> String? {
        guard let value = self[name] else { return nil }
        return text.withUnsafeBytes { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(rebasing: bytes[value]))
            do throws(JSONError) {
                guard try reader.peekKind() == .object else { return nil }
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    let found = try reader.skipValue()
                    if key.equals(member) { return Self.scalar(found.raw) }
                }
            } catch {
                preconditionFailure("what was written as JSON is JSON")
            }
            return nil
        }
    }

    private static func scalar(_ json: UnsafeRawBufferPointer) -> String? {
        var reader = JSONReader(json)
        do throws(JSONError) {
            switch try reader.peekKind() {
            case .string: return try reader.readString().string
            case .number, .bool: return String(decoding: json, as: UTF8.self)
            case .object, .array, .null: return nil
            }
        } catch {
            preconditionFailure("what was written as JSON is JSON")
        }
    }

    /// True if the member is an object.
    package func isObject(_ name: String) -> Bool {
        self[name].map { text[$0.lowerBound] == UInt8(ascii: "{") } ?? false
    }

    // MARK: As JSON

    /// The whole object, its keys sorted.
    ///
    /// - Parameters:
    ///   - omitted: a member that is left out.
    ///   - truncated: fields of the event that were cut.
    func json(omitting omitted: String? = nil, truncated: [String] = []) -> [UInt8] {
        var copy = self
        if let omitted { copy.members.removeAll { $0.name == omitted } }
        if !truncated.isEmpty { copy.mark(truncated) }
        return copy.rendered
    }

    private mutating func mark(_ truncated: [String]) {
        let names = truncated.map { "\"\($0)\"" }.joined(separator: ",")
        set("truncated", to: "[\(names)]")
    }

    var rendered: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count + 32 * members.count)
        var separator: StaticString = "{"
        for (name, value) in members.sorted(by: {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }) {
            output.append(separator)
            separator = ","
            output.appendJSONString(name)
            output.append(UInt8(ascii: ":"))
            output.append(contentsOf: text[value])
        }
        output.append("}")
        return output
    }

    /// Members that are kept of an object that is too long, or nested too deep.
    private static let essential = [
        "action", "apiVersion", "count", "eventTime", "firstTimestamp", "involvedObject", "kind",
        "lastTimestamp", "reason", "reportingComponent", "reportingInstance", "series", "source",
        "type",
    ]
    private static let essentialMetadata: [StaticString] = [
        "creationTimestamp", "name", "namespace", "resourceVersion", "uid",
    ]
    private static let essentialBytes = 4096
    private static let essentialDepth = 8

    /// The members that identify the event, if their values are short.
    func essentialJSON(truncated: [String]) -> [UInt8] {
        var copy = self
        copy.members.removeAll { name, value in
            !Self.essential.contains(name) || value.count > Self.essentialBytes || !isFlat(value)
        }
        var metadata: [UInt8] = []
        for name in Self.essentialMetadata {
            guard let value = scalar("metadata", name), value.utf8.count <= Self.essentialBytes
            else { continue }
            metadata.append(metadata.isEmpty ? "{" : ",")
            metadata.appendJSONString(name)
            metadata.append(UInt8(ascii: ":"))
            metadata.appendJSONString(value)
        }
        metadata.append(metadata.isEmpty ? "{}" : "}")
        copy.set("metadata", to: String(decoding: metadata, as: UTF8.self))
        copy.mark(truncated)
        return copy.rendered
    }

    private func isFlat(_ value: Range<Int>) -> Bool {
        text.withUnsafeBytes { bytes in
            var reader = JSONReader(
                UnsafeRawBufferPointer(rebasing: bytes[value]), depthLimit: Self.essentialDepth)
            do throws(JSONError) {
                _ = try reader.skipValue()
                return true
            } catch {
                return false
            }
        }
    }
}
