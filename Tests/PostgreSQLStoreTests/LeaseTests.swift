import EventStore
import Events
import PostgreSQLStore
import Synchronization
import TestSupport
import Testing

@Suite("One of several Logbooks leads")
struct LeaseTests {
    private let server: PostgreSQLServer
    private let database: String

    init() throws {
        server = try PostgreSQLServer.shared.get()
        database = try server.makeDatabase()
    }

    private func makeLogbook(
        _ url: String, _ configure: (inout PostgreSQLConfiguration) -> Void = { _ in }
    ) throws -> Logbook {
        try Logbook(url) { configuration in
            configuration.lease = .seconds(1)
            configure(&configuration)
        }
    }

    @Test("One leads; when it closes, the other does")
    func closing() async throws {
        let logbooks = try (0..<2).map { _ in try makeLogbook(server.url(database)) }
        #expect(await becomesTrue { logbooks.contains { $0.repository.leadership.isHeld } })
        let leader = try #require(logbooks.firstIndex { $0.repository.leadership.isHeld })
        let other = logbooks[1 - leader]
        #expect(!other.repository.leadership.isHeld)
        logbooks[leader].repository.close()
        #expect(!logbooks[leader].repository.leadership.isHeld)
        #expect(await becomesTrue { other.repository.leadership.isHeld })
    }

    @Test("One that hangs has stopped leading before the other begins")
    func hanging() async throws {
        let proxy = try FaultProxy(server)
        let first = try makeLogbook(proxy.url(database))
        #expect(await becomesTrue { first.repository.leadership.isHeld })
        let second = try makeLogbook(server.url(database))
        let leadership = first.repository.leadership
        // Whether the first one leads, each time that the second one begins to.
        let overlaps = Mutex<[Bool]>([])
        second.repository.leadership.subscribe { isHeld in
            if isHeld { overlaps.withLock { $0.append(leadership.isHeld) } }
        }
        for round in 1...2 {
            proxy.beSilent(true)
            #expect(await becomesTrue { second.repository.leadership.isHeld })
            #expect(overlaps.withLock { $0 } == Array(repeating: false, count: round))
            #expect(!leadership.isHeld)
            guard round == 1 else { break }
            proxy.beSilent(false)
            // It leads again only once the other has let go.
            let held = try server.query("SELECT owner FROM leases", database: database)
            _ = try server.query(
                "UPDATE leases SET owner = 'nobody', until = clock_timestamp()", database: database)
            #expect(held != "nobody")
            #expect(await becomesTrue { leadership.isHeld != second.repository.leadership.isHeld })
            guard leadership.isHeld else { break }
        }
        proxy.beSilent(false)
    }

    @Test("Retention runs on one only")
    func retention() async throws {
        let logbooks = try (0..<2).map { _ in
            try makeLogbook(server.url(database)) { configuration in
                configuration.retention.ages = [.info: .seconds(86_400)]
                configuration.retention.interval = .milliseconds(1)
            }
        }
        #expect(await becomesTrue { logbooks.contains { $0.repository.leadership.isHeld } })
        let old = Timestamp(milliseconds: testMoment.milliseconds - 3 * 86_400_000)!
        for number in 0..<50 {
            try await logbooks[number % 2].repository.append([
                event(["received_at": old.text], keepsReceivedAt: true)
            ])
        }
        func removed() -> [Int] { logbooks.map(\.repository.statistics.removedByAge) }
        #expect(await becomesTrue { removed().reduce(0, +) == 50 })
        #expect(removed().sorted() == [0, 50])
        #expect(try await logbooks[0].repository.page([]) == [])
    }

    @Test("A database's clock that jumps ahead removes nothing before its time")
    func clockAhead() async throws {
        let day: Int64 = 86_400_000
        let first = try makeLogbook(server.url(database))
        let now = try #require(
            Int64(
                server.query(
                    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
                    database: database)))
        for (id, days) in [("old", 60), ("young", 8)] as [(String, Int64)] {
            let time = Timestamp(milliseconds: now - days * day)!.text
            try await first.repository.append([
                event(["id": id, "received_at": time], keepsReceivedAt: true)
            ])
        }
        first.repository.close()
        // As if all of a month had passed at once.
        _ = try server.query(
            "UPDATE store_state SET aged_to = aged_to - \(30 * day)", database: database)
        let second = try makeLogbook(server.url(database)) { configuration in
            configuration.retention.ages = [.info: .seconds(7 * 86_400)]
            configuration.retention.interval = .milliseconds(1)
        }
        #expect(await becomesTrue { second.repository.statistics.removedByAge == 1 })
        // Without a bound on the clock's speed, both would be gone.
        #expect(try await second.repository.page([]) == ["young"])
    }

    @Test("A series without events is forgotten after a day")
    func series() async throws {
        let logbook = try makeLogbook(server.url(database)) { configuration in
            configuration.retention.interval = .milliseconds(1)
        }
        func revision(_ uid: String, _ version: Int, _ count: Int) throws -> Event {
            try event(["id": "k8s:core:\(uid):\(version)", "metadata": ["count": count]])
        }
        for uid in ["gone", "kept", "young"] {
            try await logbook.repository.append([revision(uid, 1, 3), revision(uid, 2, 5)])
            for version in 1...2 where uid != "kept" {
                #expect(try await logbook.repository.delete("k8s:core:\(uid):\(version)"))
            }
        }
        func keys() throws -> String {
            try server.query(
                "SELECT string_agg(key, ' ' ORDER BY key) FROM series", database: database)
        }
        #expect(try keys() == "k8s:core:gone k8s:core:kept k8s:core:young")
        _ = try server.query(
            "UPDATE series SET received_at = received_at - 86400001 WHERE key <> 'k8s:core:young'",
            database: database)
        #expect(await becomesTrue { (try? keys()) == "k8s:core:kept k8s:core:young" })
        let outcome = try await logbook.repository.append([revision("kept", 3, 9)])
        #expect(outcome[0].receipt?.occurrences == 4)
    }

    @Test("Only so many series without events are remembered", arguments: [99_999, 100_000])
    func series(count: Int) async throws {
        let logbook = try Logbook(server.url(database))
        _ = try server.query(
            """
            INSERT INTO series SELECT 'k8s:core:' || n, 1, 1, \(Int64.max)
            FROM generate_series(1, \(count)) n
            """, database: database)
        let id = "k8s:core:u:1"
        try await logbook.repository.append([event(["id": id, "metadata": ["count": 3]])])
        #expect(try await logbook.repository.delete(id))
        let rows = try server.query(
            "SELECT count(*) FROM series WHERE key = 'k8s:core:u'", database: database)
        #expect(rows == (count < 100_000 ? "1" : "0"))
    }
}
