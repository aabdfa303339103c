import HTTPServer
import Ingest

/// A field selector for events: `type!=Normal,involvedObject.name=web-0`.
///
/// https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
struct KubernetesFieldSelector: Hashable, Sendable {
    private struct Term: Hashable {
        let field: String
        let isEqual: Bool
        let value: String
    }

    private var terms: [Term] = []

    /// The fields of events that the API server selects by.
    private static let fields = [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
        "metadata.name", "metadata.namespace",
    ]
    /// The names that events.k8s.io has for some of them.
    private static let renamed = [
        "regarding": "involvedObject", "reportingController": "reportingComponent",
    ]

    init(_ text: String) throws(KubernetesStatus) {
        for part in Self.split(text, at: ",") where !part.isEmpty {
            guard let equals = part.firstIndex(of: "=") else {
                throw KubernetesStatus(
                    .badRequest,
                    "invalid field selector: '\(part)' is not FIELD=VALUE or FIELD!=VALUE")
            }
            let isEqual = equals == part.startIndex || part[part.index(before: equals)] != "!"
            var field = String(part[..<equals])
            if !isEqual { field.removeLast() }
            var value = part[part.index(after: equals)...]
            if isEqual, value.first == "=" { value = value.dropFirst() }
            let parts = field.split(separator: ".", maxSplits: 1)
            if let first = parts.first, let old = Self.renamed[String(first)] {
                field = ([old] + parts.dropFirst().map(String.init)).joined(separator: ".")
            }
            guard Self.fields.contains(field) else {
                throw KubernetesStatus(
                    .badRequest,
                    "field label not supported: \(field); supported: \(Self.fields.joined(separator: ", "))"
                )
            }
            terms.append(Term(field: field, isEqual: isEqual, value: Self.unescaped(value)))
        }
    }

    /// Splits at `separator`, except behind a backslash.
    private static func split(_ text: String, at separator: Character) -> [String] {
        var parts = [""]
        var isEscaped = false
        for character in text {
            if character == separator, !isEscaped {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
            isEscaped = character == "\\" && !isEscaped
        }
        return parts
    }

    private static func unescaped(_ text: Substring) -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }

    /// True if it selects an event that goes out as `object`.
    func admits(_ object: KubernetesObject) -> Bool {
        terms.allSatisfy { (Self.value(of: $0.field, object) == $0.value) == $0.isEqual }
    }

    private static func value(of field: String, _ object: KubernetesObject) -> String {
        let found: String? =
            switch field {
            case "involvedObject.kind": object.scalar("involvedObject", "kind")
            case "involvedObject.namespace": object.scalar("involvedObject", "namespace")
            case "involvedObject.name": object.scalar("involvedObject", "name")
            case "involvedObject.uid": object.scalar("involvedObject", "uid")
            case "involvedObject.apiVersion": object.scalar("involvedObject", "apiVersion")
            case "involvedObject.resourceVersion":
                object.scalar("involvedObject", "resourceVersion")
            case "involvedObject.fieldPath": object.scalar("involvedObject", "fieldPath")
            case "metadata.name": object.scalar("metadata", "name")
            case "metadata.namespace": object.scalar("metadata", "namespace")
            case "source": object.component
            default: object.scalar(field)
            }
        return found ?? ""
    }

    /// The filters of `GET /events` that admit all that it selects, and not much more.
    var filters: [(name: String, value: String)] {
        terms.compactMap { term in
            let name: String? =
                switch term.field {
                case "involvedObject.kind": "object_kind"
                case "involvedObject.namespace": "object_namespace"
                case "involvedObject.name": "object_name"
                case "reason": "reason"
                default: nil
                }
            guard let name, term.isEqual, Self.isPlain(term.value) else { return nil }
            return (name, term.value)
        }
    }

    /// True if `value` means itself in a filter of `GET /events`.
    static func isPlain(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.count <= 253 && !value.contains { ",!*".contains($0) }
    }
}

extension KubernetesObject {
    /// The component that the event comes from, as the API server's field `source` has it.
    var component: String? {
        if let component = scalar("source", "component"), !component.isEmpty { return component }
        return scalar("reportingComponent")
    }
}
