import Testing

@testable import Events

@Suite("EventQuery")
struct EventQueryTests {
    private static func query(
        _ parameters: KeyValuePairs<String, String>, now: Timestamp = testMoment
    ) throws -> EventQuery {
        try EventQuery(parameters.map { (name: $0.key, value: $0.value) }, now: now)
    }

    @Test("Nothing asked is the newest fifty of all")
    func defaults() throws {
        let query = try Self.query([:])
        #expect(query.filters.isEmpty)
        #expect(query.since == nil)
        #expect(query.until == nil)
        #expect(query.order == .descending)
        #expect(query.limit == 50)
        #expect(query.after == nil)
    }

    @Test("Filters come in the order of the fields, whatever that of the parameters")
    func filters() throws {
        let query = try Self.query([
            "object_name": "web 1", "severity": "error", "object_kind": "Pod",
            "event_type": "my.type", "object_namespace": "é",
        ])
        #expect(
            query.filters.map(\.field) == [
                .eventType, .severity, .objectKind, .objectNamespace, .objectName,
            ])
        #expect(query.filters.map(\.value) == ["my.type", "error", "Pod", "é", "web 1"])
    }

    @Test("Times are stored as events have them; ages count back from now")
    func times() throws {
        let query = try Self.query([
            "since": "2026-01-01T00:00:00.9999+01:00", "until": "2026-01-01T00:00:00Z",
        ])
        #expect(query.since == "2025-12-31T23:00:00.999Z")
        #expect(query.until == "2026-01-01T00:00:00.000Z")
        let ages = try Self.query(["since": "36h", "until": "15m"])
        #expect(ages.since == "2026-11-21T22:30:45.123Z")
        #expect(ages.until == "2026-11-23T10:15:45.123Z")
        #expect(try Self.query(["since": "7d"]).since == "2026-11-16T10:30:45.123Z")
        #expect(try Self.query(["until": "0s"]).until == testMoment.text)
        #expect(try Self.query(["since": "90s"]).since == "2026-11-23T10:29:15.123Z")
    }

    @Test("The plus of an offset may have become a space")
    func plusAsSpace() throws {
        let query = try Self.query(["since": "2026-01-01T01:00:00 01:00"])
        #expect(query.since == "2026-01-01T00:00:00.000Z")
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
            ("since", "yesterday"), ("since", "2026-01-01"), ("since", "-7d"), ("since", "7w"),
            ("since", "800000d"), ("until", "2026-13-01T00:00:00Z"), ("until", "1735689600"),
            ("until", "2026-01-01 00:00:00Z"), ("limit", "0"), ("limit", "1001"), ("limit", "-1"),
            ("limit", "ten"), ("limit", "1.5"), ("limit", "99999999999999999999"), ("limit", " 5"),
            ("limit", "+5"),
            ("order", "up"), ("order", "DESC"), ("order", "asc,desc"), ("severity", "bad"),
            ("severity", "INFO"), ("severity", "info,error"), ("severity", "!info"),
            ("event_type", "a b"), ("event_type", "Cluster"), ("event_type", "a*"),
            ("event_type", "1a"), ("object_kind", "!Pod"), ("object_kind", "Pod,Node"),
            ("object_namespace", "kube*"), ("object_name", "web*"), ("cursor", "x"),
            ("cursor", "zz"), ("limits", "5"), ("id", "x"), ("title", "x"), ("q", "-x"),
            ("q", "\"x"), ("q", "x *"),
            ("Limit", "5"), ("", "x"), ("seq", "1"),
        ])
    func refused(name: String, value: String) {
        let error = #expect(throws: QueryError.self) { try Self.query([name: value]) }
        #expect(error?.parameter == name)
    }

    @Test("A parameter may be given once, and not without a value")
    func onceAndNotEmpty() {
        for name in EventQuery.parameters {
            #expect(throws: QueryError(parameter: name, detail: "has no value")) {
                try Self.query([name: ""])
            }
            #expect(throws: QueryError(parameter: name, detail: "is given twice")) {
                try Self.query([name: "x", name: "x"])
            }
        }
    }

    @Test("An unknown parameter is answered with those that are known")
    func known() {
        let error = #expect(throws: QueryError.self) { try Self.query(["severty": "info"]) }
        #expect(
            error?.detail == "is not known here; known are event_type, severity, object_kind, "
                + "object_namespace, object_name, q, since, until, limit, order, cursor")
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
        #expect(detail("since", "x")?.contains("15m, 36h or 7d") == true)
        #expect(detail("object_name", "a,b")?.contains("takes one value") == true)
    }
}
