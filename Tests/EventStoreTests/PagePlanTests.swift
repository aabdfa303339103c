import Events
import SQLite
import Testing

@testable import EventStore

/// Every combination of filters, order, bounds and cursor.
struct PageShape: Sendable, CustomTestStringConvertible {
    let filtered: [EventField]
    let ascending: Bool
    let hasSince: Bool
    let hasUntil: Bool

    static let all: [PageShape] = (0..<32).flatMap { mask in
        (0..<8).map { bits in
            PageShape(
                filtered: EventField.filterable.enumerated()
                    .filter { mask & 1 << $0.offset != 0 }.map(\.element),
                ascending: bits & 1 != 0, hasSince: bits & 2 != 0, hasUntil: bits & 4 != 0)
        }
    }

    var testDescription: String {
        let names =
            filtered.map { String(describing: $0.name) } + (hasSince ? ["since"] : [])
            + (hasUntil ? ["until"] : []) + [ascending ? "asc" : "desc"]
        return names.joined(separator: " ")
    }

    /// The query parameters of this shape.
    func parameters(
        _ filters: [EventField: String], since: String, until: String, limit: Int
    ) -> [(String, String)] {
        var parameters = filtered.map { (String(describing: $0.name), filters[$0] ?? "none") }
        if hasSince { parameters.append(("since", since)) }
        if hasUntil { parameters.append(("until", until)) }
        return parameters + [("order", ascending ? "asc" : "desc"), ("limit", String(limit))]
    }

    /// The index that serves it, and the filtered columns that it starts with.
    var index: (name: String, columns: [EventField]) {
        let object: [EventField] = [.objectKind, .objectNamespace, .objectName]
        if object.allSatisfy(filtered.contains) { return ("idx_events_object", object) }
        let choices: [(EventField, String)] = [
            (.objectNamespace, "idx_events_namespace"),
            (.severity, "idx_events_severity"), (.eventType, "idx_events_type"),
            (.objectKind, "idx_events_kind"),
        ]
        let choice = choices.first { filtered.contains($0.0) }
        return choice.map { ($0.1, [$0.0]) } ?? ("idx_events_created", [])
    }

    /// How EXPLAIN QUERY PLAN shows a walk along that index with these conditions behind it.
    private func line(_ range: [String]) -> String {
        let conditions = index.columns.map { "\($0.name)=?" } + range
        return conditions.isEmpty
            ? "SCAN events USING INDEX \(index.name)"
            : "SEARCH events USING INDEX \(index.name) (\(conditions.joined(separator: " AND ")))"
    }

    /// Whether the search index serves it: no index of the table is over its filters.
    var isBySearch: Bool {
        (filtered.count >= 2 || filtered == [.objectName])
            && filtered != [.objectKind, .objectNamespace, .objectName]
    }

    /// The plan of a page by the search index: a walk along its keys, from one to another, and the
    /// events that are not in it yet.
    var searchPlan: [String] {
        [
            "SCAN search VIRTUAL TABLE INDEX \(ascending ? 64 : 192):M1><",
            "SEARCH events USING INTEGER PRIMARY KEY (rowid>?)",
        ]
    }

    /// The plan of a first page.
    var plan: [String] {
        [line((hasSince ? ["created_at>?"] : []) + (hasUntil ? ["created_at<?"] : []))]
    }

    /// The plan of a page behind a cursor: the rest of its moment, then what lies beyond.
    var cursorPlan: [String] {
        let beyond =
            ascending
            ? ["created_at>?"] + (hasUntil ? ["created_at<?"] : [])
            : (hasSince ? ["created_at>?"] : []) + ["created_at<?"]
        return [line(["created_at=?", ascending ? "rowid>?" : "rowid<?"]), line(beyond)]
    }
}

@Suite("PagePlan")
struct PagePlanTests {
    private static func expectPlans(_ reader: EventReader) throws {
        for shape in PageShape.all {
            let parameters = shape.parameters(
                [.severity: "error", .eventType: "a"], since: "7d",
                until: "1d", limit: 50)
            let first = try query(parameters)
            #expect(
                try reader.explain(first, bySearch: false) == shape.plan,
                "\(shape.testDescription)")
            let position = EventQuery.Position(createdAt: PageModel.time(10), seq: 500)
            let next = try query(parameters, cursor: first.cursor(after: position))
            #expect(
                try reader.explain(next, bySearch: false) == shape.cursorPlan,
                "\(shape.testDescription)")
            for query in [first, next] {
                for line in try reader.explain(query, bySearch: false) {
                    #expect(!line.contains("TEMP B-TREE"))
                    #expect(line.contains("USING INDEX idx_"))
                    #expect(shape.index.columns.isEmpty || line.hasPrefix("SEARCH"))
                }
                if shape.isBySearch {
                    #expect(
                        try reader.explain(query) == shape.searchPlan, "\(shape.testDescription)")
                }
                let text = try EventStoreTests.query(
                    parameters + [("q", "a -b \"c d\" ef*")],
                    cursor: nil)
                #expect(try reader.explain(text) == shape.searchPlan, "\(shape.testDescription)")
            }
        }
    }

    @Test("Every page is one walk along an index, or two behind a cursor; nothing is sorted")
    func plans() throws {
        let folder = try TemporaryFolder()
        try makeLatest(folder.path("events.db"))
        try Self.expectPlans(makeReader(folder.path("events.db")))
    }

    @Test("Statistics that somebody had SQLite gather do not lead it elsewhere")
    func plansAfterAnalyze() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("events.db")
        try makeLatest(path)
        _ = try PageModel(filling: path, count: 2_000, seed: 1)
        try Connection(path, .readWrite).execute("ANALYZE")
        try Self.expectPlans(makeReader(path))
    }

    @Test("What the search index is asked is made of words, each in quotes")
    func expressions() throws {
        func expression(_ parameters: [(String, String)]) throws -> String? {
            let expression = try SearchPlan(query(parameters))?.expression { prefix in
                prefix == Array("wide".utf8) ? nil : [prefix, prefix + prefix]
            }
            return expression.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(try expression([("severity", "error")]) == nil)
        #expect(
            try expression([("object_kind", "Pod"), ("severity", "error")])
                == "\".sk.error.Pod\"")
        #expect(
            try expression([
                ("object_kind", "a"), ("object_namespace", "b.c"), ("event_type", "t"),
                ("object_name", "x \" OR y"),
            ]) == "\".tk.t.a\" AND \".tn.t.b.c\" AND \".kn.a.b.c\" AND \".o.x___OR_y\"")
        #expect(
            try expression([
                ("q", "words: NEAR(a b) -c \"x y\" ^z AND pre*"), ("severity", "error"),
            ])
                == ["words", "near", "a", "b", "x", "y", "z", "and"].map { "\"\($0)\"" }
                .joined(separator: " AND ") + " AND \".s.error\" AND (\"pre\" OR \"prepre\")")
        #expect(try expression([("q", "wide*")]) == nil)
        #expect(try expression([("q", "wide* x")]) == "\"x\"")
    }

    @Test("Values are bound, never part of the SQL")
    func values() throws {
        let plan = PagePlan(
            try query([("object_name", "x' OR '1'='1"), ("object_kind", "\"; DROP TABLE events")]))
        #expect(plan.parts.count == 1)
        #expect(
            plan.parts[0].values == [.text("\"; DROP TABLE events"), .text("x' OR '1'='1")])
        #expect(!plan.parts[0].sql.contains("DROP"))
        #expect(!plan.parts[0].sql.contains("'"))
    }
}
