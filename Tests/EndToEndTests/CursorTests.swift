import Foundation
import TestSupport
import Testing

@Suite("Walking pages")
struct CursorTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    private static func event(_ number: Int, severity: String = "info", day: Int) -> NewEvent {
        NewEvent(
            id: "e\(number)", severity: severity, title: "t",
            createdAt: "2026-05-\(day + 10)T00:00:00Z")
    }

    @Test("All pages together are all events", arguments: ["desc", "asc"], [1, 3, 50, 1_000])
    func whole(_ order: String, _ limit: Int) throws {
        let count = limit == 1 ? 60 : 200
        try server.store((0..<count).map { Self.event($0, day: $0 * 7 % 11) })
        let all = try server.exchange("GET", "/events?limit=1000&order=\(order)")
            .decode(EventList.self).events
        #expect(all.count == count)
        var sizes: [Int] = []
        let walked = try server.walk("order=\(order)&limit=\(limit)") { page in
            sizes.append(page.pagination.returned)
        }
        #expect(walked == all)
        #expect(sizes.allSatisfy { $0 == limit }, "only the last page is short")
    }

    @Test("A last page that is full has no next one", arguments: ["desc", "asc"])
    func fullLastPage(_ order: String) throws {
        try server.store((0..<20).map { Self.event($0, day: 0) })
        var pages = 1
        #expect(try server.walk("order=\(order)&limit=10") { _ in pages += 1 }.count == 20)
        #expect(pages == 2)
    }

    @Test("Of many events at one moment, none is lost between pages", arguments: ["desc", "asc"])
    func oneMoment(_ order: String) throws {
        try server.store((0..<500).map { Self.event($0, day: 0) })
        let walked = try server.walk("order=\(order)&limit=7").map(\.id)
        let stored = (0..<500).map { "e\($0)" }
        #expect(walked == (order == "asc" ? stored : stored.reversed()))
    }

    /// A change between two pages.
    struct Disturbance: Sendable, CustomTestStringConvertible {
        let order: String
        let query: String
        /// The number of days that the events are spread over.
        let days: Int

        var testDescription: String { "\(order), \(query), over \(days) days" }

        static let all = ["desc", "asc"].flatMap { order in
            ["limit=5", "limit=5&severity=info", "limit=5&since=2026-05-01T00:00:00Z"].flatMap {
                query in
                [1, 2, 12].map { Disturbance(order: order, query: query, days: $0) }
            }
        }
    }

    @Test(
        "While others insert and delete, nothing is repeated, and everything that stays is shown",
        arguments: Disturbance.all)
    func disturbed(_ disturbance: Disturbance) throws {
        var random = SeededGenerator(seed: UInt64(disturbance.days))
        let severities = ["info", "info", "error"]
        var next = 0
        func make() -> NewEvent {
            defer { next += 1 }
            return Self.event(
                next, severity: severities[next % 3],
                day: Int.random(in: 0..<disturbance.days, using: &random))
        }
        let first = (0..<120).map { _ in make() }
        try server.store(first)
        var staying = Set(first.compactMap(\.id))
        let client = try server.connect()
        let walked = try server.walk("order=\(disturbance.order)&\(disturbance.query)") { page in
            try server.store((0..<4).map { _ in make() })
            // The event at the cursor, one of an earlier page or this one, and one still to come.
            let victims = [
                page.events.last?.id, staying.min(), staying.randomElement(using: &random),
            ]
            for victim in Set(victims.compactMap(\.self)) {
                let status = try client.exchange("DELETE", "/events/\(victim)").status
                #expect(status == 204 || status == 404)
                staying.remove(victim)
            }
        }.map(\.id)
        #expect(Set(walked).count == walked.count, "nothing twice")
        let matching = first.filter {
            !disturbance.query.contains("severity") || $0.severity == "info"
        }
        let missed = Set(matching.compactMap(\.id)).intersection(staying).subtracting(walked)
        #expect(missed.isEmpty)
        #expect(walked.count > 25, "the walk went over several pages")
    }

    @Test("The same, with others that really run at the same time")
    func concurrent() throws {
        let first = (0..<1_000).map { Self.event($0, day: $0 % 3) }
        try server.store(first)
        let isDone = Guarded(false)
        let ended = Guarded(0)
        let port = server.port
        for worker in 0..<2 {
            Thread.detachNewThread {
                defer { ended.with { $0 += 1 } }
                guard let client = try? RawClient(port: port) else { return }
                var number = 0
                while !isDone.with({ $0 }) {
                    let id = "w\(worker)-\(number)"
                    number += 1
                    let event = NewEvent(
                        id: id, createdAt: "2026-05-1\(number % 4)T00:00:00Z")
                    guard (try? client.exchange("POST", "/events", event.json))?.status == 201,
                        number % 2 == 0
                            || (try? client.exchange("DELETE", "/events/\(id)"))?.status == 204
                    else { return }
                }
            }
        }
        defer {
            isDone.with { $0 = true }
            _ = ended.wait { $0 == 2 ? true : nil }
        }
        for order in ["desc", "asc"] {
            let walked = try server.walk("order=\(order)&limit=20&until=2026-05-13T00:00:00Z")
                .map(\.id)
            #expect(Set(walked).count == walked.count)
            #expect(Set(first.compactMap(\.id)).isSubset(of: walked))
        }
        #expect(ended.with { $0 } == 0, "the others were still at work")
    }

    @Test("An age means the same moment on every page")
    func ageStands() throws {
        try server.store(
            (0..<30).map { NewEvent(id: "e\($0)", createdAt: "2020-01-01T00:00:00Z") })
        // Events stored after the first page are newer than the moment of that page.
        let walked = try server.walk("until=0s&limit=4&order=asc") { _ in
            try server.store([NewEvent(), NewEvent()])
        }
        #expect(walked.count == 30)
        #expect(try server.walk("since=1h&limit=4").count == 14)
    }

    // MARK: Cursors that are not to be trusted

    private func firstCursor(_ query: String) throws -> String {
        let page = try server.exchange("GET", "/events?\(query)").decode(EventList.self)
        return try #require(page.pagination.nextCursor)
    }

    @Test("A cursor with any character altered is 400")
    func altered() throws {
        try server.store((0..<5).map { Self.event($0, day: $0) })
        let cursor = try firstCursor("limit=2")
        let client = try server.connect()
        for index in cursor.indices {
            var forged = cursor
            let other = cursor[index] == "0" ? "1" : "0"
            forged.replaceSubrange(index...index, with: other)
            let problem = try client.exchange("GET", "/events?limit=2&cursor=\(forged)").problem(
                400)
            #expect(problem.parameters == ["cursor"])
        }
        for forged in [
            String(cursor.dropLast()), String(cursor.dropLast(2)), cursor + "0", cursor + "00",
            cursor + cursor, String(cursor.reversed()), "%00", "e1", "0",
        ] {
            try client.exchange("GET", "/events?limit=2&cursor=\(forged)").problem(400)
        }
        #expect(try client.exchange("GET", "/events?limit=2&cursor=\(cursor)").status == 200)
    }

    @Test(
        "A cursor of another query is 400",
        arguments: [
            "", "severity=error", "severity=info&event_type=cluster", "event_type=info",
            "severity=info&order=asc", "severity=info&since=2026-01-01T00:00:00Z",
            "severity=info&until=1d",
        ])
    func foreign(_ query: String) throws {
        try server.store((0..<5).map { Self.event($0, day: $0) })
        let cursor = try firstCursor("severity=info&limit=2")
        let problem = try server.exchange("GET", "/events?\(query)&cursor=\(cursor)").problem(400)
        #expect(problem.parameters == ["cursor"])
    }

    @Test("A cursor outlives its service, and goes with any limit and any order of parameters")
    func lasting() throws {
        try server.store((0..<9).map { Self.event($0, day: $0) })
        let cursor = try firstCursor("severity=info&event_type=cluster&limit=2")
        try server.stop()
        let again = try LogbookProcess(in: server.folder)
        let target = "/events?limit=3&cursor=\(cursor)&event_type=cluster&severity=info"
        let page = try again.exchange("GET", target).decode(EventList.self)
        #expect(page.events.map(\.id) == ["e6", "e5", "e4"])
    }

    // MARK: Link

    @Test("Link leads through the same pages as next_cursor", arguments: ["desc", "asc"])
    func link(_ order: String) throws {
        try server.store(
            (0..<23).map { Self.event($0, severity: $0 % 2 == 0 ? "info" : "error", day: 0) })
        let query = "severity=info&limit=5&order=\(order)&since=2026-01-01T01%3A00%3A00%2B01:00"
        let client = try server.connect()
        var target: String? = "/events?\(query)"
        var ids: [String] = []
        while let next = target {
            let response = try client.exchange("GET", next)
            let page = try response.decode(EventList.self)
            ids += page.events.map(\.id)
            let link = response.header("Link")
            #expect((link == nil) == (page.pagination.nextCursor == nil))
            target = try link.map { link in
                let match = try #require(link.wholeMatch(of: /<(.*)>; rel="next"/))
                return "/\(match.1)"
            }
        }
        #expect(ids == (try server.walk(query).map(\.id)))
        #expect(ids.count == 12)
    }
}
