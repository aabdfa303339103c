import Foundation
import TestSupport
import Testing

/// Every combination of filters against the same selection made here.
@Suite("Filters")
struct FilterTests {
    private static let fields = [
        "event_type", "severity", "object_kind", "object_namespace", "object_name",
    ]
    private let server: LogbookProcess
    /// The events in the order of storing, which is the order of seq.
    private let events: [NewEvent]

    init() throws {
        var random = SeededGenerator(seed: 42)
        func pick(_ values: [String]) -> String { values.randomElement(using: &random)! }
        func pickOrNone(_ values: [String]) -> String? {
            Bool.random(using: &random) || Bool.random(using: &random) ? pick(values) : nil
        }
        let days = (1...9).map { "2026-03-0\($0)T00:00:00.000Z" }
        events = (0..<600).map { number in
            NewEvent(
                id: "e\(number)", eventType: pick(["cluster", "health", "x.y"]),
                severity: pick(["info", "warning", "error", "critical"]), title: "t",
                objectKind: pickOrNone(["Pod", "Node", "pod"]),
                objectNamespace: pickOrNone(["default", "kube-system", ""]),
                objectName: pickOrNone(["a", "b", "ä ö", "c+d&e"]), createdAt: pick(days))
        }
        server = try LogbookProcess()
        try server.store(events)
    }

    private static func value(_ field: String, of event: NewEvent) -> String? {
        switch field {
        case "event_type": event.eventType
        case "severity": event.severity
        case "object_kind": event.objectKind
        case "object_namespace": event.objectNamespace
        default: event.objectName
        }
    }

    /// The ids that pass the filters, newest first.
    private func expected(
        _ filters: [String: String], since: String? = nil, until: String? = nil
    ) -> [String] {
        events.enumerated().filter { _, event in
            let createdAt = event.createdAt ?? ""
            return filters.allSatisfy { Self.value($0, of: event) == $1 }
                && createdAt >= since ?? "" && createdAt < until ?? "A"
        }
        .sorted { left, right in
            let leftTime = left.element.createdAt ?? ""
            let rightTime = right.element.createdAt ?? ""
            return (leftTime, left.offset) > (rightTime, right.offset)
        }
        .map { $0.element.id ?? "" }
    }

    private static func query(_ filters: [String: String]) -> [String] {
        filters.map { name, value in
            let encoded = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return "\(name)=\(encoded)"
        }
    }

    @Test("Every combination of filters selects what all of them match", arguments: 0..<32)
    func combination(_ mask: Int) throws {
        var random = SeededGenerator(seed: UInt64(mask))
        var selected = 0
        for _ in 0..<8 {
            let example = events.randomElement(using: &random)!
            var filters: [String: String] = [:]
            for (bit, field) in Self.fields.enumerated() where mask & 1 << bit != 0 {
                // An empty value is not a filter, and null cannot be requested.
                guard let value = Self.value(field, of: example), !value.isEmpty else { continue }
                filters[field] = value
            }
            let wanted = expected(filters)
            selected += wanted.count
            let query = Self.query(filters).joined(separator: "&")
            #expect(try server.walk("limit=1000&\(query)").map(\.id) == wanted, "\(query)")
            #expect(
                try server.walk("order=asc&limit=1000&\(query)").map(\.id) == wanted.reversed(),
                "\(query)")
        }
        #expect(selected > 0, "an event that all filters were taken from is among them")
    }

    @Test("Filters and times together, in pages of every size", arguments: [1, 7, 50])
    func pages(_ limit: Int) throws {
        var random = SeededGenerator(seed: UInt64(limit))
        for _ in 0..<6 {
            let example = events.randomElement(using: &random)!
            let field = Self.fields.randomElement(using: &random)!
            var filters: [String: String] = [:]
            if let value = Self.value(field, of: example), !value.isEmpty { filters[field] = value }
            let since = "2026-03-0\(Int.random(in: 1...5, using: &random))T00:00:00.000Z"
            let until = "2026-03-0\(Int.random(in: 5...9, using: &random))T00:00:00.000Z"
            let wanted = expected(filters, since: since, until: until)
            let parts =
                Self.query(filters) + ["since=\(since)", "until=\(until)", "limit=\(limit)"]
            let query = parts.joined(separator: "&")
            #expect(try server.walk(query).map(\.id) == wanted, "\(query)")
            #expect(
                try server.walk("order=asc&" + query).map(\.id) == wanted.reversed(), "\(query)")
        }
    }

    @Test("A filter that nothing matches leaves nothing", arguments: fields)
    func nothing(_ field: String) throws {
        let value = field == "severity" ? "critical&event_type=none" : "none"
        #expect(try server.walk("\(field)=\(value)").isEmpty)
    }
}
