import Testing

@testable import Events

@Suite("EventQuery")
struct EventQueryTests {
    private static func query(
        _ parameters: KeyValuePairs<String, String>, now: Timestamp = testMoment
    ) throws -> EventQuery {
        try EventQuery(parameters.map { (name: $0.key, value: $0.value) }, now: now)
    }

    private struct NotDecoded: Error {}

    private static func values(_ values: [FieldFilter.Value]?) -> [String]? {
        values?.map { String(decoding: $0.text, as: UTF8.self) + ($0.isPrefix ? "*" : "") }
    }

    @Test("Nothing asked is the newest fifty of all")
    func defaults() throws {
        let query = try Self.query([:])
        #expect(query.conditions.isEmpty)
        #expect(query.conditions.since == nil)
        #expect(query.conditions.until == nil)
        #expect(query.order == .descending)
        #expect(query.limit == 50)
        #expect(query.after == nil)
        #expect(query.offset == 0)
        #expect(!query.countsAll)
        #expect(query.selection == nil)
    }

    @Test("Filters come in the order of the fields, whatever that of the parameters")
    func filters() throws {
        let query = try Self.query([
            "object_name": "web 1", "severity": "error", "object_kind": "Pod",
            "event_type": "my.type", "object_namespace": "é",
        ])
        #expect(
            query.conditions.fields.map(\.field) == [
                .eventType, .severity, .objectKind, .objectNamespace, .objectName,
            ])
        #expect(
            query.conditions.fields.map { String(decoding: $0.onlyValue!, as: UTF8.self) }
                == ["my.type", "error", "Pod", "é", "web 1"])
    }

    @Test(
        "A filter takes values, exclusions and prefixes, between commas or repeated",
        arguments: [
            (["b,a"], ["a", "b"], []), (["b", "a", "a"], ["a", "b"], []), (["!a"], nil, ["a"]),
            (["a*", "a", "!ab"], ["a", "a*"], ["ab"]), (["!a*,!b"], nil, ["a*", "b"]),
            (["*"], ["*"], []), (["!*"], nil, ["*"]), (["!!a"], nil, ["!a"]),
            (["a!b"], ["a!b"], []),
            (["a*b"], ["a*b"], []), (["**"], ["**"], []), (["\\!a"], ["!a"], []),
            (["a\\,b,c\\*"], ["a,b", "c*"], []), (["\\\\,\\a"], ["\\", "\\a"], []),
            (["a b, c"], [" c", "a b"], []), (["é", "e\u{301}"], ["e\u{301}", "é"], []),
        ] as [([String], [String]?, [String])])
    func operators(parameters: [String], included: [String]?, excluded: [String]) throws {
        let query = try EventQuery(
            parameters.map { (name: "object_name", value: $0) }, now: testMoment)
        let filter = try #require(query.conditions[.objectName])
        #expect(Self.values(filter.included) == included)
        #expect(Self.values(filter.excluded) == excluded)
    }

    @Test("A trailing star is a prefix, unless a backslash stands before it")
    func literalStar() throws {
        func filter(_ value: String) throws -> FieldFilter.Value? {
            try Self.query(["object_name": value]).conditions[.objectName]?.included?.first
        }
        #expect(try filter("c*") == FieldFilter.Value("c".utf8, isPrefix: true))
        #expect(try filter("c\\*") == FieldFilter.Value("c*".utf8))
    }

    @Test(
        "severity_min and severity together leave what both do",
        arguments: [
            (["severity_min": "info"], ["critical", "error", "info", "warning"]),
            (["severity_min": "error"], ["critical", "error"]),
            (["severity_min": "critical"], ["critical"]),
            (["severity_min": "error", "severity": "warning,error"], ["error"]),
            (["severity_min": "error", "severity": "info"], []),
            (["severity": "w*,e*"], ["error", "warning"]),
        ] as [([String: String], [String])])
    func severities(parameters: [String: String], included: [String]) throws {
        let query = try EventQuery(
            parameters.map { (name: $0.key, value: $0.value) }, now: testMoment)
        #expect(Self.values(query.conditions[.severity]?.included) == included)
        let least = try Self.query(["severity_min": "error", "severity": "!critical"])
        #expect(Self.values(least.conditions[.severity]?.included) == ["critical", "error"])
        #expect(Self.values(least.conditions[.severity]?.excluded) == ["critical"])
    }

    @Test("A field takes 64 values, and not one more")
    func mostValues() throws {
        func list(_ count: Int, _ prefix: String) -> String {
            (0..<count).map { "\(prefix)\($0)" }.joined(separator: ",")
        }
        for name in ["event_type", "object_kind", "object_namespace", "object_name"] {
            #expect(throws: Never.self) { try Self.query([name: list(64, "a")]) }
            #expect(throws: Never.self) {
                try Self.query([name: list(32, "a") + "," + list(32, "!b")])
            }
            #expect(throws: QueryError(parameter: name, detail: "has more than 64 values")) {
                try Self.query([name: list(64, "a") + ",!b"])
            }
        }
        let values = (0..<65).map { (name: "metadata.a", value: "\($0)") }
        #expect(throws: Never.self) { try EventQuery(Array(values.dropLast()), now: testMoment) }
        #expect(throws: QueryError(parameter: "metadata.a", detail: "has more than 64 values")) {
            try EventQuery(values, now: testMoment)
        }
    }

    @Test("Different ways to ask the same are the same, and continue each other's pages")
    func canonical() throws {
        let position = EventQuery.Position(createdAt: testMoment.text, seq: 7)
        let one = try Self.query([
            "severity": "warning,error,error", "severity": "critical", "object_kind": "!b,a*",
            "metadata.b": "1", "metadata.a": "2", "since": "1h", "limit": "5", "fields": "id",
        ])
        let other = try Self.query([
            "metadata.a": "2", "object_kind": "a*", "object_kind": "!b", "severity_min": "warning",
            "since": "2026-11-23T10:30:45.123+01:00", "order": "desc", "metadata.b": "1",
        ])
        #expect(one.conditions == other.conditions)
        #expect(one.cursor(after: position) == other.cursor(after: position))
        // Separators between names and values cannot be moved from one to another.
        let different: [KeyValuePairs<String, String>] = [
            ["object_kind": "a,b"], ["object_kind": "a,!b"], ["object_kind": "a\\,b"],
            ["object_kind": "a*,b"], ["object_kind": "a", "object_name": "b"],
            ["object_kind": "!a,!b"],
            ["metadata.a": "b"], ["metadata.a.b": "b"], ["metadata.a": "b", "metadata.b": "a"],
            ["since": "1h"], ["until": "1h"], ["order": "asc"], [:], ["severity_min": "info"],
        ]
        let cursors = try different.map { try Self.query($0).cursor(after: position) }
        #expect(Set(cursors).count == different.count)
    }

    @Test("What is passed over, counted and shown")
    func shape() throws {
        #expect(try Self.query(["offset": "0"]).offset == 0)
        #expect(try Self.query(["offset": "10000000"]).offset == 10_000_000)
        #expect(try Self.query(["count": "exact"]).countsAll)
        let cursor = try Self.query([:]).cursor(
            after: .init(createdAt: testMoment.text, seq: 1))
        #expect(
            throws: QueryError(
                parameter: "offset",
                detail: "cannot be combined with cursor, which already says where to start")
        ) {
            try Self.query(["cursor": cursor, "offset": "1"])
        }
        let selection = try #require(
            try Self.query(["fields": "seq,title,id,id,occurrences"]).selection)
        let other = try #require(try Self.query(["fields": "metadata,object_kind"]).selection)
        let json = #"{"id":"a","event_type":"b","severity":"info","title":"c","metadata":{"d":1}}"#
        guard case .event(let event) = try decode(json) else { throw NotDecoded() }
        var output: [UInt8] = []
        event.withView(EventReceipt(seq: 5, receivedAt: 0)) { view in
            selection.appendJSON(view, to: &output)
            other.appendJSON(view, to: &output)
        }
        #expect(
            String(decoding: output, as: UTF8.self)
                == #"{"id":"a","title":"c","occurrences":1,"seq":5}{"object_kind":null,"metadata":{"d":1}}"#
        )
    }

    @Test("Times are stored as events have them; ages count back from now")
    func times() throws {
        let query = try Self.query([
            "since": "2026-01-01T00:00:00.9999+01:00", "until": "2026-01-01T00:00:00Z",
        ])
        #expect(query.conditions.since == "2025-12-31T23:00:00.999Z")
        #expect(query.conditions.until == "2026-01-01T00:00:00.000Z")
        let ages = try Self.query(["since": "36h", "until": "15m"])
        #expect(ages.conditions.since == "2026-11-21T22:30:45.123Z")
        #expect(ages.conditions.until == "2026-11-23T10:15:45.123Z")
        #expect(try Self.query(["since": "7d"]).conditions.since == "2026-11-16T10:30:45.123Z")
        #expect(
            try Self.query(["since": "9999999d"]).conditions.since == "0000-01-01T00:00:00.000Z")
        #expect(try Self.query(["until": "0s"]).conditions.until == testMoment.text)
        #expect(try Self.query(["since": "90s"]).conditions.since == "2026-11-23T10:29:15.123Z")
    }

    @Test("The plus of an offset may have become a space")
    func plusAsSpace() throws {
        let query = try Self.query(["since": "2026-01-01T01:00:00 01:00"])
        #expect(query.conditions.since == "2026-01-01T00:00:00.000Z")
    }

    @Test("Order and limit")
    func orderAndLimit() throws {
        #expect(try Self.query(["order": "asc"]).order == .ascending)
        #expect(try Self.query(["order": "desc"]).order == .descending)
        for limit in [1, 2, 999, 1000] {
            #expect(try Self.query(["limit": String(limit)]).limit == limit)
        }
    }

    @Test(
        "What is not understood is refused by its name",
        arguments: [
            ("since", "yesterday"), ("since", "2026-01-01"), ("since", "-7d"), ("since", "7W"),
            ("until", "2026-13-01T00:00:00Z"), ("until", "1735689600"),
            ("until", "2026-01-01 00:00:00Z"), ("limit", "0"), ("limit", "1001"), ("limit", "-1"),
            ("limit", "ten"), ("limit", "1.5"), ("limit", "99999999999999999999"), ("limit", " 5"),
            ("limit", "+5"),
            ("order", "up"), ("order", "DESC"), ("order", "asc,desc"), ("severity", "bad"),
            ("severity", "INFO"), ("severity", "info,bad"), ("severity", "!bad"),
            ("severity", "x*"), ("severity", "info*x"), ("severity", "\\!info"),
            ("severity_min", "bad"), ("severity_min", "error,info"), ("severity_min", "err*"),
            ("event_type", "a b"), ("event_type", "Cluster"), ("event_type", "A*"),
            ("event_type", "1a"), ("event_type", "a,"), ("object_kind", "!"),
            ("object_kind", ",Node"), ("object_kind", "a,,b"), ("object_name", "a,!"),
            ("cursor", "x"), ("offset", "-1"), ("offset", "10000001"), ("count", "all"),
            ("count", "true"), ("fields", "id,"), ("fields", "name"), ("fields", "id, seq"),
            ("metadata", "x"), ("metadata.", "x"), ("metadata.PATH.", ""), ("metadatax.a", "x"),
            ("cursor", "zz"), ("limits", "5"), ("id", "x"), ("title", "x"), ("q", "-x"),
            ("q", "\"x"), ("q", "x *"),
            ("Limit", "5"), ("", "x"), ("seq", "1"),
        ])
    func refused(name: String, value: String) {
        let error = #expect(throws: QueryError.self) { try Self.query([name: value]) }
        #expect(error?.parameter == name)
    }

    @Test("A parameter is not given without a value, and once but where values are ORed")
    func onceAndNotEmpty() throws {
        let repeatable: Set = [
            "event_type", "severity", "object_kind", "object_namespace", "object_name", "cluster",
            "reason", "metadata.PATH",
        ]
        for name in EventQuery.parameters {
            #expect(throws: QueryError(parameter: name, detail: "has no value")) {
                try Self.query([name: ""])
            }
            guard !repeatable.contains(name) else { continue }
            #expect(throws: QueryError(parameter: name, detail: "is given twice")) {
                try Self.query([name: "x", name: "x"])
            }
        }
        #expect(
            try Self.query(["severity": "info", "severity": "error"]).conditions.fields.count == 1)
        #expect(
            try Self.query(["metadata.a": "1", "metadata.a": "2"]).conditions.metadata.count == 1)
    }

    @Test("An unknown parameter is answered with those that are known")
    func known() {
        let error = #expect(throws: QueryError.self) { try Self.query(["severty": "info"]) }
        #expect(
            error?.detail
                == "is not known here; the known ones are event_type, severity, object_kind, "
                + "object_namespace, object_name, cluster, reason, fold_key, severity_min, since, "
                + "until, q, metadata.PATH, limit, order, cursor, offset, count, fold, fields")
    }

    @Test("Details say what would be right")
    func details() {
        func detail(_ name: String, _ value: String) -> String? {
            #expect(throws: QueryError.self) { try Self.query([name: value]) }?.detail
        }
        #expect(detail("limit", "0") == "must be a number from 1 to 1000")
        #expect(detail("order", "up") == "must be desc or asc")
        #expect(
            detail("severity", "bad") == "must be one of info, warning, error, critical, not 'bad'")
        #expect(detail("since", "x")?.contains("15m, 36h or 1w") == true)
        #expect(
            detail("object_name", "a,")
                == "has an empty value between its commas or after its '!'")
        #expect(
            detail("fields", "name")?.hasPrefix("has 'name'; fields are id, event_type, ") == true)
    }
}
