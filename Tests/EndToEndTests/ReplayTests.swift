import Foundation
import Testing

@Suite("Sending an event twice")
struct ReplayTests {
    private let server: LogbookProcess
    private let whole = """
        {"id":"twice","event_type":"system","severity":"info","title":"t","description":"d",\
        "object_kind":"Pod","object_namespace":"n","object_name":"o","metadata":{"a":1,"b":[2]},\
        "created_at":"2026-01-02T03:04:05.678Z"}
        """

    init() throws { server = try LogbookProcess() }

    @Test("The same content is answered with 200 and the stored event, and stored once")
    func same() throws {
        let first = try server.post(whole)
        #expect(first.status == 201)
        let second = try server.post(whole)
        #expect(second.status == 200)
        #expect(second.text == first.text)
        #expect(second.header("Location") == "events/twice")
        #expect(try server.walk("").count == 1)
    }

    @Test(
        "Another spelling of the same content is the same content",
        arguments: [
            // The event's own order of keys, white space, escapes, another offset, more digits.
            #"""
            { "created_at" : "2026-01-02T05:04:05.678999+02:00", "metadata" : { "a" : 1, "b" : [ 2 ] },
              "object_name":"o", "object_namespace":"n", "object_kind":"P\u006fd", "description":"d",
              "title":"\u0074", "severity":"info", "event_type":"system", "id":"twice" }
            """#
        ])
    func respelled(_ body: String) throws {
        let first = try server.post(whole)
        let second = try server.post(body)
        #expect(second.status == 200, "\(second.text)")
        #expect(second.text == first.text)
    }

    @Test("A replay may leave out the time that the server or the client had given")
    func withoutTime() throws {
        let timeless = whole.replacingOccurrences(
            of: #","created_at":"2026-01-02T03:04:05.678Z""#, with: "")
        let first = try server.post(timeless)
        #expect(first.status == 201)
        let replay = try server.post(timeless)
        #expect(replay.status == 200)
        #expect(replay.text == first.text)

        let other = timeless.replacingOccurrences(of: "twice", with: "timed")
        let timed = whole.replacingOccurrences(of: "twice", with: "timed")
        let given = try server.post(timed)
        #expect(given.status == 201)
        #expect(try server.post(other).text == given.text)
    }

    @Test(
        "Other content under the same id is a conflict, and changes nothing",
        arguments: [
            ("\"event_type\":\"system\"", "\"event_type\":\"cluster\""),
            ("\"severity\":\"info\"", "\"severity\":\"error\""),
            ("\"title\":\"t\"", "\"title\":\"T\""),
            ("\"description\":\"d\"", "\"description\":null"),
            ("\"object_kind\":\"Pod\"", "\"object_kind\":\"\""),
            ("\"object_namespace\":\"n\"", "\"object_namespace\":\"n \""),
            ("\"object_name\":\"o\"", "\"object_name\":\"O\""),
            ("\"metadata\":{\"a\":1,\"b\":[2]}", "\"metadata\":{\"b\":[2],\"a\":1}"),
            ("\"metadata\":{\"a\":1,", "\"metadata\":{\"a\":1.0,"),
            ("05.678Z", "05.679Z"),
        ])
    func conflict(_ part: String, _ other: String) throws {
        let first = try server.post(whole)
        let changed = whole.replacingOccurrences(of: part, with: other)
        try #require(changed != whole)
        let problem = try server.post(changed).problem(409)
        #expect(problem.pointers == ["/id"])
        #expect(problem.detail.contains("twice"))
        #expect(try server.exchange("GET", "/events/twice").text == first.text)
    }

    @Test("A deleted id can be stored again")
    func afterDelete() throws {
        let first = try server.post(whole).decode(StoredEvent.self)
        #expect(try server.exchange("DELETE", "/events/twice").status == 204)
        let again = try server.post(whole)
        #expect(again.status == 201)
        #expect(try again.decode(StoredEvent.self).seq > first.seq)
    }

    @Test("Of many that send the same event at once, one stores it and all learn of it")
    func atOnce() throws {
        let clients = try (0..<16).map { _ in try server.connect() }
        for client in clients {
            try client.send(RawClient.request("POST", "/events", whole))
        }
        let answers = try clients.map { try $0.readResponse() }
        #expect(answers.count { $0.status == 201 } == 1)
        #expect(answers.count { $0.status == 200 } == 15)
        #expect(Set(answers.map(\.text)).count == 1)
    }
}
