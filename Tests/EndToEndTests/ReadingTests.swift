import Foundation
import Testing

@Suite("Reading events")
struct ReadingTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    private func ids(_ query: String) throws -> [String] {
        let response = try server.exchange("GET", "/events?\(query)")
        #expect(response.status == 200, "\(query): \(response.text)")
        return try response.decode(EventList.self).events.map(\.id)
    }

    @Test("Newest first; of one moment, the one stored last comes first; asc is the reverse")
    func order() throws {
        let times = ["02", "01", "03", "02", "03", "02"]
        try server.store(
            times.enumerated().map {
                NewEvent(id: "e\($0.offset)", createdAt: "2026-01-\($0.element)T00:00:00Z")
            })
        let newestFirst = ["e4", "e2", "e5", "e3", "e0", "e1"]
        #expect(try ids("") == newestFirst)
        #expect(try ids("order=desc") == newestFirst)
        #expect(try ids("order=asc") == newestFirst.reversed())
    }

    @Test("A list item is the very event that GET by id gives")
    func items() throws {
        let stored = try server.post(
            #"{"id":"m","event_type":"x","severity":"info","title":"t","metadata":{"n":1.10}}"#)
        let item = stored.text.trimmingCharacters(in: .newlines)
        let list = try server.exchange("GET", "/events")
        #expect(
            list.text == """
                {"events":[\(item)],"pagination":{"limit":50,"returned":1,"next_cursor":null}}

                """)
        #expect(list.header("Link") == nil)
        #expect(list.header("Cache-Control") == "no-store")
    }

    @Test("An empty store answers with an empty page")
    func empty() throws {
        let list = try server.exchange("GET", "/events").decode(EventList.self)
        #expect(list.events.isEmpty)
        #expect(list.pagination.returned == 0)
        #expect(list.pagination.nextCursor == nil)
    }

    @Test("since includes its moment, until does not")
    func bounds() throws {
        try server.store(
            (1...4).map { NewEvent(id: "d\($0)", createdAt: "2026-01-0\($0)T12:00:00.500Z") })
        #expect(try ids("since=2026-01-02T12:00:00.500Z") == ["d4", "d3", "d2"])
        #expect(try ids("since=2026-01-02T12:00:00.501Z") == ["d4", "d3"])
        #expect(try ids("until=2026-01-02T12:00:00.500Z") == ["d1"])
        #expect(try ids("until=2026-01-02T12:00:00.501Z") == ["d2", "d1"])
        #expect(
            try ids("since=2026-01-02T12:00:00.500Z&until=2026-01-04T12:00:00.500Z&order=asc")
                == ["d2", "d3"])
        #expect(
            try ids("since=2026-01-02T14:00:00.500%2B02:00&until=2026-01-03T00:00:00Z") == ["d2"])
        #expect(try ids("since=2026-01-03T00:00:00Z&until=2026-01-02T00:00:00Z").isEmpty)
    }

    @Test("Ages count back from now, in every unit")
    func ages() throws {
        let units = [("s", 1.0), ("m", 60), ("h", 3_600), ("d", 86_400)]
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let now = Date()
        // Each event is 300 units old.
        try server.store(
            units.map { NewEvent(id: $0.0, createdAt: (now - $0.1 * 300).formatted(format)) })
        for (index, unit) in units.enumerated() {
            // At least a minute lies between each event and the bounds around it.
            let younger = units[..<index].map(\.0)
            let older = units[(index + 1)...].map(\.0)
            #expect(try ids("since=200\(unit.0)") == younger)
            #expect(try ids("since=400\(unit.0)") == younger + [unit.0])
            #expect(try ids("until=400\(unit.0)") == older)
            #expect(try ids("until=200\(unit.0)") == [unit.0] + older)
        }
    }

    @Test(
        "A malformed parameter is 400, and named",
        arguments: [
            ("limit", "0"), ("limit", "1001"), ("limit", "-1"), ("limit", "ten"), ("limit", ""),
            ("limit", "1.5"), ("limit", "99999999999999999999"), ("order", "newest"), ("order", ""),
            ("since", "yesterday"), ("since", "15"), ("since", "15x"), ("since", "-1h"),
            ("since", ""),
            ("until", "2026-01-01"), ("until", "2026-02-30T00:00:00Z"), ("severity", "fatal"),
            ("event_type", "Not%20A%20Type"), ("cursor", "nonsense"), ("cursor", ""),
        ])
    func malformed(_ name: String, _ value: String) throws {
        let problem = try server.exchange("GET", "/events?\(name)=\(value)").problem(400)
        #expect(problem.parameters == [name])
        #expect(problem.detail.contains(name))
    }

    @Test("A parameter given twice, or one that is not UTF-8, is 400")
    func unclear() throws {
        for query in ["limit=5&limit=5", "order=asc&limit=5&order=desc"] {
            let problem = try server.exchange("GET", "/events?\(query)").problem(400)
            #expect(problem.detail.contains("twice"), "\(problem.detail)")
        }
        for query in ["object_name=%FF%FE", "%C3=x"] {
            try server.exchange("GET", "/events?\(query)").problem(400)
        }
    }

    @Test("limit is from 1 to 1,000")
    func limits() throws {
        try server.store((0..<1_002).map { NewEvent(id: "e\($0)") })
        for limit in [1, 50, 1_000] {
            let page = try server.exchange("GET", "/events?limit=\(limit)").decode(EventList.self)
            #expect(page.pagination.limit == limit)
            #expect(page.pagination.returned == limit)
            #expect(page.events.count == limit)
            #expect(page.pagination.nextCursor != nil)
        }
        #expect(try server.exchange("GET", "/events").decode(EventList.self).events.count == 50)
    }

    @Test(
        "An unknown parameter is 400, and those that are known are listed",
        arguments: ["colour=red", "Severity=info", "limits=5", "title=x", "=x", "seq=1"])
    func unknown(_ query: String) throws {
        let problem = try server.exchange("GET", "/events?\(query)").problem(400)
        for name in ["event_type", "severity", "object_name", "since", "until", "limit", "cursor"] {
            #expect(problem.detail.contains(name), "\(problem.detail)")
        }
    }

    @Test(
        "Routes without parameters know none",
        arguments: ["/events/e", "/schema"])
    func unknownElsewhere(_ path: String) throws {
        try server.store([NewEvent(id: "e")])
        #expect(try server.exchange("GET", path).status == 200)
        let problem = try server.exchange("GET", path + "?limit=1").problem(400)
        #expect(problem.parameters == ["limit"])
    }

    @Test("HEAD gives the headers of GET, and no body")
    func head() throws {
        try server.store((0..<3).map { NewEvent(id: "e\($0)") })
        for target in ["/events?limit=2", "/events/e1", "/healthz", "/events/none", "/none", "/"] {
            let client = try server.connect()
            let get = try client.exchange("GET", target)
            let head = try client.exchange("HEAD", target)
            #expect(head.status == get.status)
            let differing = ["date", "link"]  // A cursor holds the moment of its request.
            func comparable(_ response: RawResponse) -> [String] {
                response.headers.filter { !differing.contains($0.name.lowercased()) }
                    .map { "\($0.name): \($0.value)" }
            }
            #expect(comparable(head) == comparable(get), "\(target)")
            #expect((head.header("Link") == nil) == (get.header("Link") == nil))
            // The next answer follows at once: there was no body.
            #expect(try client.exchange("GET", "/healthz").status == 200)
        }
    }

    @Test("A deleted event is gone, once")
    func delete() throws {
        try server.store([NewEvent(id: "e"), NewEvent(id: "stays")])
        let client = try server.connect()
        let deleted = try client.exchange("DELETE", "/events/e")
        #expect(deleted.status == 204)
        #expect(deleted.header("Content-Length") == nil)
        #expect(deleted.header("Content-Type") == nil)
        try client.exchange("GET", "/events/e").problem(404)
        try client.exchange("DELETE", "/events/e").problem(404)
        #expect(try ids("") == ["stays"])
    }

    @Test(
        "An id that is not there is 404, whatever it looks like",
        arguments: [
            "none", "a%2Fb", "%00", "..", "%2e%2e", "a%20b", "%C3%A9", "%FF", "'%20OR%201=1--", "*",
        ])
    func missing(_ id: String) throws {
        try server.store([NewEvent(id: "e")])
        try server.exchange("GET", "/events/\(id)").problem(404)
        try server.exchange("DELETE", "/events/\(id)").problem(404)
        #expect(try ids("") == ["e"])
    }

    @Test("An id may be percent-encoded")
    func encodedID() throws {
        try server.store([NewEvent(id: "a:b.c")])
        for path in ["a:b.c", "a%3Ab%2Ec", "%61%3ab.c"] {
            #expect(try server.exchange("GET", "/events/\(path)").status == 200, "\(path)")
        }
        try server.exchange("GET", "/events/a%253Ab.c").problem(404)
    }

    @Test("GET / lists the routes, and each that needs no id answers")
    func index() throws {
        struct Index: Decodable {
            struct Route: Decodable {
                let method, path: String
            }
            let routes: [Route]
        }
        let routes = try server.exchange("GET", "/").decode(Index.self).routes
        #expect(routes.count >= 10)
        for route in routes where route.method == "GET" && !route.path.contains("{") {
            // HEAD, because a stream has no end.
            #expect(try server.exchange("HEAD", route.path).status == 200, "\(route.path)")
        }
    }
}
