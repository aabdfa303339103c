import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// Every combination of filters, order, bounds and cursor.
struct PageShape: Sendable, CustomTestStringConvertible {
    let filtered: [EventField]
    let ascending: Bool
    let hasSince: Bool
    let hasUntil: Bool

    static let all: [PageShape] = (0..<(1 << EventField.filterable.count)).flatMap { mask in
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

    /// The index that serves it, and the filtered columns that it begins with.
    var index: (name: String, columns: [EventField]) {
        let object: [EventField] = [.objectKind, .objectNamespace, .objectName]
        if object.allSatisfy(filtered.contains) { return ("idx_events_object", object) }
        let choices: [(EventField, String)] = [
            (.severity, "idx_events_severity"), (.eventType, "idx_events_type"),
        ]
        let choice = choices.first { filtered.contains($0.0) }
        return choice.map { ($0.1, [$0.0]) } ?? ("idx_events_created", [])
    }

    /// The lines of EXPLAIN QUERY PLAN for a walk along that index with these conditions.
    private func lines(_ range: [String]) -> [String] {
        let conditions = index.columns.map { "\($0.name)=?" } + (isOfObject ? [] : range)
        guard !conditions.isEmpty else { return ["SCAN events USING INDEX \(index.name)"] }
        let covering = filtered == index.columns ? "COVERING " : ""
        let walk =
            "SEARCH events USING \(isOfObject ? covering : "")INDEX \(index.name) (\(conditions.joined(separator: " AND ")))"
        guard isOfObject else { return [walk] }
        return [walk, "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"]
    }

    /// True if it is about one object, whose events are sorted first.
    var isOfObject: Bool { index.columns.count == 3 }

    /// True if the search index serves it, because no index of the table covers its filters.
    var isBySearch: Bool {
        filtered.count >= 2
            || filtered.count == 1 && ![.severity, .eventType].contains(filtered[0])
    }

    /// The plan of a page by the search index: a walk over a range of its keys, and the events that
    /// are not in it yet.
    var searchPlan: [String] {
        [
            "SCAN search VIRTUAL TABLE INDEX \(ascending ? 64 : 192):M1><",
            "SEARCH events USING INTEGER PRIMARY KEY (rowid>?)",
        ]
    }

    /// The plan of a first page.
    var plan: [String] {
        lines((hasSince ? ["created_at>?"] : []) + (hasUntil ? ["created_at<?"] : []))
    }

    /// The plan of a page after a cursor: the rest of its moment, then everything beyond.
    var cursorPlan: [String] {
        let beyond =
            ascending
            ? ["created_at>?"] + (hasUntil ? ["created_at<?"] : [])
            : (hasSince ? ["created_at>?"] : []) + ["created_at<?"]
        return lines(["created_at=?", ascending ? "rowid>?" : "rowid<?"]) + lines(beyond)
    }
}

@Suite("PagePlan")
struct PagePlanTests {
    /// The lines that are walks along the table or an index.
    private static func walks(_ lines: [String]) -> [String] {
        lines.filter { $0.hasPrefix("SEARCH ") || $0.hasPrefix("SCAN events ") }
    }

    private static func expectPlans(_ reader: SQLiteReader) throws {
        for shape in PageShape.all {
            let parameters = shape.parameters(
                [.severity: "error", .eventType: "a"], since: "7d",
                until: "1d", limit: 50)
            let first = try query(parameters)
            #expect(
                try walks(reader.explain(first, bySearch: false)) == shape.plan,
                "\(shape.testDescription)")
            let position = EventQuery.Position(createdAt: PageModel.time(10), seq: 500)
            let next = try query(parameters, cursor: first.cursor(after: position))
            #expect(
                try walks(reader.explain(next, bySearch: false)) == shape.cursorPlan,
                "\(shape.testDescription)")
            for query in [first, next] {
                for line in try reader.explain(query, bySearch: false) where !shape.isOfObject {
                    #expect(!line.contains("TEMP B-TREE"))
                    #expect(line.contains("USING INDEX idx_"))
                    #expect(shape.index.columns.isEmpty || line.hasPrefix("SEARCH"))
                }
                if shape.isBySearch {
                    #expect(
                        try reader.explain(query) == shape.searchPlan, "\(shape.testDescription)")
                }
                let text = try TestSupport.query(
                    parameters + [("q", "a -b \"c d\" ef*")],
                    cursor: nil)
                #expect(try reader.explain(text) == shape.searchPlan, "\(shape.testDescription)")
            }
        }
    }

    @Test("Every page is one walk along an index, or two after a cursor; nothing is sorted")
    func plans() throws {
        let folder = try TemporaryFolder()
        try makeLatest(folder.file("events.db"))
        try Self.expectPlans(makeReader(folder.file("events.db")))
    }

    @Test("SQLite's own statistics from another program do not change its plans")
    func plansAfterAnalyze() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
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
            ])
                == [
                    ".tk.t.a", ".tn.t.b.c", ".to.t.x___OR_y", ".kn.a.b.c", ".ko.a.x___OR_y",
                    ".no.b.c.x___OR_y",
                ]
                .map { "\"\($0)\"" }.joined(separator: " AND "))
        #expect(
            try expression([
                ("q", "words: NEAR(a b) -c \"x y\" ^z AND pre*"), ("severity", "error"),
            ])
                == "(("
                + ["words", "near", "a", "b", "x", "y", "z", "and"].map { "\"\($0)\"" }
                .joined(separator: " AND ")
                + " AND (\"pre\" OR \"prepre\")) OR \".cut\") AND \".s.error\"")
        #expect(
            try expression([("q", "nginx-7 10.0.0.255:8080 \"at 7 12\" nginx-77* 7-x a")])
                == "(("
                + [
                    "..nginx.7", "..10.0", "..0.0", "..0.255", "8080", "..at.7", "..7.12", "nginx",
                    "7", "x", "a",
                ]
                .map { "\"\($0)\"" }.joined(separator: " AND ")
                + " AND (\"77\" OR \"7777\")) OR \".cut\")")
        #expect(try expression([("q", "wide*")]) == nil)
        #expect(try expression([("q", "wide* x")]) == "((\"x\") OR \".cut\")")
    }

    @Test("Of lists and prefixes the search index is asked any, in pairs while these are few")
    func choices() throws {
        func expression(_ parameters: [(String, String)]) throws -> String? {
            let expression = try SearchPlan(query(parameters))?.expression { prefix in
                let text = String(decoding: prefix, as: UTF8.self)
                if text.hasSuffix("wide") { return nil }
                return text.hasSuffix("none") ? [] : [prefix + [0x31], prefix + [0x32]]
            }
            return expression.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(
            try expression([("severity_min", "error")]) == "(\".s.critical\" OR \".s.error\")")
        #expect(
            try expression([("severity", "info,error"), ("object_kind", "A")])
                == "(\".sk.error.A\" OR \".sk.info.A\")")
        #expect(try expression([("object_kind", "Po*")]) == "(\".k.po1\" OR \".k.po2\")")
        #expect(
            try expression([("object_kind", "Po*"), ("event_type", "a"), ("object_name", "x,y")])
                == """
                (".tk.a.po1" OR ".tk.a.po2") AND (".to.a.x" OR ".to.a.y") \
                AND (".ko.po1.x" OR ".ko.po1.y" OR ".ko.po2.x" OR ".ko.po2.y")
                """)
        #expect(try expression([("object_namespace", "none*")]) == "\".n.none\"")
        #expect(try expression([("object_namespace", "wide*")]) == nil)
        #expect(
            try expression([("object_namespace", "wide*"), ("severity", "info")])
                == "\".s.info\"")
        // Exclusions, and prefixes of every value, narrow nothing.
        for value in ["!a", "*", "!*", "a,*"] {
            #expect(try SearchPlan(query([("object_kind", value)])) == nil)
        }
        #expect(
            try expression([("object_kind", "a,!b"), ("severity", "!info"), ("event_type", "t")])
                == "\".tk.t.a\"")
        // Nine and eight make 72 pairs, which is too many: they are searched separately.
        let kinds = (1...9).map { "k\($0)" }
        let types = (1...8).map { "t\($0)" }
        let any = { (letter: String, values: [String]) in
            "(" + values.map { "\".\(letter).\($0)\"" }.joined(separator: " OR ") + ")"
        }
        let parameters = [
            ("object_kind", kinds.joined(separator: ",")),
            ("event_type", types.joined(separator: ",")),
        ]
        #expect(try expression(parameters) == any("t", types) + " AND " + any("k", kinds))
    }

    @Test("Of metadata the search index is asked the words of the path and of its value, or of any")
    func metadataWords() throws {
        func expression(_ parameters: [(String, String)]) throws -> String? {
            let expression = try SearchPlan(query(parameters))?.expression { _ in nil }
            return expression.map { String(decoding: $0, as: UTF8.self) }
        }
        /// All words, or the mark of an event that does not have all of its own.
        func marked(_ words: String) -> String { "((" + words + ") OR \".cut\")" }
        #expect(
            try expression([("metadata.labels.app.kubernetes.io/name", "My-App")])
                == marked(
                    ["labels", "app", "kubernetes", "io", "name", "my", "app"].map {
                        "\"\($0)\""
                    }.joined(separator: " AND ")))
        #expect(
            try expression([("metadata.free", "1.10")]) == marked(#""free" AND "1" AND "10""#))
        // The longest word of each of several values; a value without a word leaves out all.
        #expect(
            try expression([("metadata.zone", "eu-1a"), ("metadata.zone", "us-west")])
                == marked(#""zone" AND ("eu" OR "west")"#))
        #expect(
            try expression([("metadata.zone", "eu-1a"), ("metadata.zone", "?")])
                == marked(#""zone""#))
        #expect(try expression([("metadata._", "?")]) == nil)
        #expect(
            try expression([("metadata.a", "b"), ("severity", "error")])
                == marked(#""a" AND "b""#) + #" AND ".s.error""#)
        let long = (0...40).map { "w\($0)" }.joined(separator: " ")
        #expect(
            try expression([("metadata.a", long)])?.split(separator: " AND ").count
                == TextQuery.maxWords)
    }

    @Test("Every two filters with every operator are walks in the order of pages")
    func everyTwo() throws {
        let folder = try TemporaryFolder()
        try makeLatest(folder.file("events.db"))
        let reader = try makeReader(folder.file("events.db"))
        let operators = ["a", "a,b", "a*", "!a", "!a*", "a*,!ab", "*", "!*"]
        var filters = EventField.filterable.filter { $0 != .severity }.flatMap { field in
            operators.map { (String(describing: field.name), $0) }
        }
        filters += ["info", "info,error", "e*", "!info", "!e*", "*", "!*"].map { ("severity", $0) }
        filters += [("severity_min", "error"), ("metadata.a", "b"), ("q", "a"), ("q", "a -b")]
        filters += [("since", "7d"), ("until", "1d")]
        let position = EventQuery.Position(createdAt: PageModel.time(10), seq: 500)
        for one in filters {
            for other in filters where one.0 != other.0 {
                for order in ["asc", "desc"] {
                    let first = try query([one, other, ("order", order)])
                    for asked in [first, first.continued(after: position)] {
                        for bySearch in [true, false] {
                            let lines = try reader.explain(asked, bySearch: bySearch)
                            #expect(
                                lines.allSatisfy(Self.isInOrder), "\(one) \(other) \(lines)")
                        }
                    }
                }
            }
        }
    }

    /// True if a line of a plan is a walk in page order, or a few rows by their seq.
    private static func isInOrder(_ line: String) -> Bool {
        if line.contains("TEMP B-TREE") { return false }
        return line.hasPrefix("SEARCH events USING INDEX idx_")
            || line.hasPrefix("SEARCH events USING INTEGER PRIMARY KEY")
            || line == "SCAN events USING INDEX idx_events_created"
            || line.hasPrefix("SCAN search VIRTUAL TABLE INDEX ")
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
