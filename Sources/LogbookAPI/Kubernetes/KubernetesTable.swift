import Events
import Ingest
import JSON

/// The table of events that kubectl prints: the columns of Kubernetes' own
/// (pkg/printers/internalversion/printers.go).
struct KubernetesTable: Hashable, Sendable {
    /// The object that a row brings with it.
    enum Inclusion: String {
        case metadata = "Metadata"
        case object = "Object"
        case none = "None"
    }

    /// `v1` or `v1beta1`.
    let version: String
    let inclusion: Inclusion

    private static let columns: [(name: StaticString, type: StaticString, priority: Int)] = [
        ("Last Seen", "string", 0), ("Type", "string", 0), ("Reason", "string", 0),
        ("Object", "string", 0), ("Subobject", "string", 1), ("Source", "string", 1),
        ("Message", "string", 0), ("First Seen", "string", 1), ("Count", "integer", 1),
        ("Name", "string", 1),
    ]

    /// Appends its start, up to the rows.
    func appendStart(to output: inout [UInt8]) {
        appendStart(Self.columns, to: &output)
    }

    func appendStart(
        _ columns: [(name: StaticString, type: StaticString, priority: Int)],
        to output: inout [UInt8]
    ) {
        output += "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/\(version)\",".utf8
        output.append("\"columnDefinitions\":")
        output.appendJSONArray(of: columns) { column, output in
            output.append("{\"name\":\"")
            output.append(column.name)
            output.append("\",\"type\":\"")
            output.append(column.type)
            output.append("\",\"format\":\"")
            output.append(column.name.description == "Name" ? "name" : "")
            output.append("\",\"description\":\"\",\"priority\":")
            output.appendInteger(column.priority)
            output.append("}")
        }
        output.append(",\"rows\":[")
    }

    /// Appends the row of an event as of `now`.
    func appendRow(
        _ object: KubernetesObject, _ group: KubernetesPath.Group, now: Timestamp,
        to output: inout [UInt8]
    ) {
        func time(_ text: String?) -> Timestamp? { text.flatMap { Timestamp(rfc3339: $0.utf8) } }
        let first = time(object.scalar("firstTimestamp")) ?? time(object.scalar("eventTime"))
        var last = time(object.scalar("lastTimestamp")) ?? first
        var count = Int(object.scalar("count") ?? "") ?? 0
        if object.isObject("series") {
            last = time(object.scalar("series", "lastObservedTime"))
            count = Int(object.scalar("series", "count") ?? "") ?? 0
        }
        let kind = (object.scalar("involvedObject", "kind") ?? "").lowercased()
        let name = object.scalar("involvedObject", "name") ?? ""
        let cells = [
            Self.age(last, now), object.scalar("type") ?? "", object.scalar("reason") ?? "",
            name.isEmpty ? kind : "\(kind)/\(name)",
            object.scalar("involvedObject", "fieldPath") ?? "", Self.source(object),
            Self.trimmed(object.scalar("message") ?? ""), Self.age(first, now),
        ]
        output.append("{\"cells\":[")
        for cell in cells {
            output.appendJSONString(cell)
            output.append(",")
        }
        output.appendInteger(max(1, count))
        output.append(",")
        output.appendJSONString(object.scalar("metadata", "name") ?? "")
        output.append("],\"object\":")
        switch inclusion {
        case .metadata: object.append(metadataOnly: true, to: &output)
        case .object:
            var whole = object
            if group == .events { whole.becomeOfEventsGroup() }
            whole.append(to: &output)
        case .none: output.append("null")
        }
        output.append("}")
    }

    private static func source(_ object: KubernetesObject) -> String {
        var component = object.scalar("source", "component") ?? ""
        var host = object.scalar("source", "host") ?? ""
        if component.isEmpty { component = object.scalar("reportingComponent") ?? "" }
        if host.isEmpty { host = object.scalar("reportingInstance") ?? "" }
        return [component, host].filter { !$0.isEmpty }.joined(separator: ", ")
    }

    private static func trimmed(_ text: String) -> String {
        let isSpace = { (character: Character) in character.isWhitespace }
        let rest = text.drop(while: isSpace)
        guard let end = rest.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(rest[...end])
    }

    /// The time from `moment` to `now` as kubectl shows it (apimachinery/pkg/util/duration).
    static func age(_ moment: Timestamp?, _ now: Timestamp) -> String {
        guard let moment else { return "<unknown>" }
        let seconds = Int((now.milliseconds - moment.milliseconds) / 1000)
        let (minutes, hours) = (seconds / 60, seconds / 3600)
        func with(_ count: Int, _ unit: String, _ rest: Int, _ smaller: String) -> String {
            "\(count)\(unit)" + (rest == 0 ? "" : "\(rest)\(smaller)")
        }
        switch seconds {
        case ..<(-1): return "<invalid>"
        case ..<0: return "0s"
        case ..<120: return "\(seconds)s"
        case _ where minutes < 10: return with(minutes, "m", seconds % 60, "s")
        case _ where minutes < 180: return "\(minutes)m"
        case _ where hours < 8: return with(hours, "h", minutes % 60, "m")
        case _ where hours < 48: return "\(hours)h"
        case _ where hours < 192: return with(hours / 24, "d", hours % 24, "h")
        case _ where hours < 24 * 365 * 2: return "\(hours / 24)d"
        case _ where hours < 24 * 365 * 8:
            return with(hours / 24 / 365, "y", hours / 24 % 365, "d")
        default: return "\(hours / 24 / 365)y"
        }
    }
}
