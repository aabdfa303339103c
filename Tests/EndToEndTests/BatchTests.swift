import Foundation
import Testing

@Suite("Storing arrays of events")
struct BatchTests {
    private let server: LogbookProcess
    private let bad = #"{"event_type":"x","severity":"fatal","title":"t"}"#

    init() throws { server = try LogbookProcess() }

    @Test("What is valid is stored though neighbours are not")
    func mixed() throws {
        try server.store([NewEvent(id: "there", title: "before")])
        let response = try server.post(
            """
            [\(NewEvent(id: "one").json), \(bad), \(NewEvent(id: "there", title: "before").json),
             7, \(NewEvent(id: "there", title: "other").json), {"title":1,"no/such~field":2},
             \(NewEvent(id: "two").json), \(NewEvent(id: "one").json)]
            """)
        #expect(response.status == 200)
        let summary = try response.decode(BatchSummary.self)
        #expect(summary.accepted == 2)
        #expect(summary.duplicates == 2)
        #expect(summary.rejected == 4)
        #expect(summary.errors.map(\.index) == [1, 3, 4, 5])
        #expect(summary.errors.map(\.status) == [422, 422, 409, 422])
        let parts = ["severity", "object", "id", "title"]
        for (error, part) in zip(summary.errors, parts) {
            #expect(error.detail.contains(part), "\(error)")
        }
        #expect(summary.ids == ["one", "there", "two", "one"])
        #expect(try server.walk("order=asc").map(\.id) == ["there", "one", "two"])
        #expect(try server.exchange("GET", "/events/there").text.contains("\"before\""))
    }

    @Test(
        "A broken item of an array affects no other, and is named",
        arguments: [
            #"{"title":"#, #"{"a":1,"a":2}"#, #"{"title":"\uD800"}"#, "{title:1}", "nul", "",
            #"{"title":"t","title":"u","metadata":{"x":[1,2,{}]}}"#, "[1,", "\"\u{1}\"",
        ])
    func broken(_ item: String) throws {
        let (one, two) = (NewEvent(id: "one").json, NewEvent(id: "two").json)
        // A missing bracket hides where the array ends.
        let isOpen = item.hasPrefix("[")
        let response = try server.post("[\(one), \(item), \(two) ]")
        #expect(response.status == 200, "\(response.text)")
        let summary = try response.decode(BatchSummary.self)
        #expect(summary.ids == (isOpen ? ["one"] : ["one", "two"]))
        #expect(summary.errors.map(\.index) == (isOpen ? [1, 2] : [1]))
        #expect(summary.errors.allSatisfy { $0.status == 400 })
        #expect(summary.errors[0].detail.contains("at byte"))
        // With all or nothing, none is stored.
        try server.post("[\(one), \(item), \(two)]", to: "/events?strict=true").problem(400)
    }

    @Test(
        "An array that breaks off, or continues after its end, stores its complete items",
        arguments: ["", ",", ", {", #", {"title":"#, #", {"title":"t"#, "] x", ",]", "]]"])
    func cutOff(_ end: String) throws {
        let items = [NewEvent(id: "one").json, NewEvent(id: "two").json].joined(separator: ",")
        let summary = try server.post("[\(items)\(end)").decode(BatchSummary.self)
        #expect(summary.ids == ["one", "two"])
        #expect(summary.rejected == 1)
        try server.post("[{\"title\":\(end)").problem(400)
    }

    @Test("Events of an array keep its order")
    func order() throws {
        let events = (0..<100).map { NewEvent(id: "e\($0)", createdAt: "2026-01-01T00:00:00Z") }
        #expect(try server.store(events).ids == events.map(\.id))
        #expect(try server.walk("order=asc").map(\.id) == events.map(\.id))
    }

    @Test("strict=true stores nothing when an item is not valid, and names all that are not")
    func strictInvalid() throws {
        let body = "[\(NewEvent(id: "one").json),\(bad),\(NewEvent().json),3]"
        let problem = try server.post(body, to: "/events?strict=true").problem(422)
        #expect(problem.pointers == ["/1/severity", "/3"])
        #expect(try server.walk("").isEmpty)
    }

    @Test("strict=true stores nothing when an item conflicts")
    func strictConflict() throws {
        try server.store([NewEvent(id: "there", title: "before")])
        let events = [
            NewEvent(id: "one"), NewEvent(id: "there", title: "other"), NewEvent(id: "two"),
        ]
        let body = "[\(events.map(\.json).joined(separator: ","))]"
        let problem = try server.post(body, to: "/events?strict=true").problem(422)
        #expect(problem.pointers == ["/1/id"])
        #expect(try server.walk("").map(\.id) == ["there"])
        #expect(try server.exchange("GET", "/events/one").status == 404)
        // Its neighbors in the writer's transaction are not rolled back with it.
        #expect(try server.post(NewEvent(id: "one").json).status == 201)
    }

    @Test("strict=true stores all that are valid, duplicates counted")
    func strictValid() throws {
        try server.store([NewEvent(id: "there")])
        let body = "[\(NewEvent(id: "one").json),\(NewEvent(id: "there").json)]"
        let summary = try server.post(body, to: "/events?strict=true").decode(BatchSummary.self)
        #expect(summary.accepted == 1)
        #expect(summary.duplicates == 1)
        #expect(summary.rejected == 0)
    }

    @Test(
        "strict is true or false", arguments: ["strict=yes", "strict=", "strict=true&strict=true"])
    func strictValues(_ query: String) throws {
        let problem = try server.post("[\(NewEvent().json)]", to: "/events?\(query)")
            .problem(400)
        #expect(problem.parameters == ["strict"])
        #expect(try server.walk("").isEmpty)
    }

    @Test(
        "An array in which nothing can be used is 422", arguments: ["[]", " [ ] ", "[1]", "[[]]"])
    func nothingUsable(_ body: String) throws {
        try server.post(body).problem(422)
        #expect(try server.walk("").isEmpty)
    }

    @Test("An array of which everything conflicts or is not valid is 422")
    func allRejected() throws {
        try server.store([NewEvent(id: "there", title: "before")])
        let problem = try server.post("[\(bad),\(NewEvent(id: "there").json)]").problem(422)
        #expect(problem.pointers == ["/0/severity", "/1/id"])
    }

    @Test("An array holds 10,000 events, and not one more")
    func tooMany() throws {
        let events = (0..<10_000).map { NewEvent(id: "e\($0)", title: "t") }
        let items = events.map(\.json).joined(separator: ",")
        let extra = NewEvent(id: "extra").json
        let problem = try server.post("[\(items),\(extra)]").problem(413)
        #expect(problem.detail.contains("10000") || problem.detail.contains("10,000"))
        #expect(try server.walk("").isEmpty)

        let summary = try server.post("[\(items)]").decode(BatchSummary.self)
        #expect(summary.accepted == 10_000)
        #expect(summary.ids == events.map(\.id))
    }

    @Test("A summary counts every error and lists the first hundred")
    func manyErrors() throws {
        let items = Array(repeating: bad, count: 250) + [NewEvent(id: "good").json]
        let summary = try server.post("[\(items.joined(separator: ","))]").decode(BatchSummary.self)
        #expect(summary.rejected == 250)
        #expect(summary.errors.map(\.index) == Array(0..<100))
        #expect(summary.ids == ["good"])
    }

    @Test("A large array is stored completely while others get their answers")
    func large() throws {
        let text = String(repeating: "x", count: 1_000)
        let events = (0..<5_000).map { NewEvent(id: "e\($0)", title: "t", description: text) }
        let body = "[\(events.map(\.json).joined(separator: ","))]"
        let client = try server.connect()
        try client.send(RawClient.request("POST", "/events", body))
        #expect(try server.post(NewEvent(id: "other").json).status == 201)
        #expect(try server.exchange("GET", "/healthz").status == 200)
        #expect(try client.readResponse().decode(BatchSummary.self).accepted == 5_000)
        #expect(try server.walk("limit=1000").count == 5_001)
    }
}
