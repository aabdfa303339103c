import EventStore
import Events
import PostgreSQLStore
import TestSupport
import Testing

@Suite("Standbys and failover")
struct FailoverTests {
    /// The URL of a database on whichever of two servers takes writes.
    private func url(_ database: String, _ servers: PostgreSQLServer...) -> String {
        let hosts = servers.map { PostgreSQLServer.escaped($0.folder) }.joined(separator: ",")
        return "postgresql://logbook@/\(database)?host=\(hosts)&port=\(servers[0].port)"
    }

    private static let noStandby = "the database has no standby that takes part in commits"

    private func setStandbys(_ names: String, of server: PostgreSQLServer) throws {
        _ = try server.query("ALTER SYSTEM SET synchronous_standby_names = '\(names)'")
        _ = try server.query("SELECT pg_reload_conf()")
    }

    /// A Logbook that does not wait long for a standby.
    private func makeHasty(_ url: String) throws -> Logbook {
        try Logbook(url) { configuration in
            configuration.exchangeLimit = .seconds(1)
            configuration.patience = .milliseconds(1500)
        }
    }

    private func store(_ count: Int, _ logbook: Logbook) async throws -> [Int64?] {
        try await logbook.repository.append((0..<count).map { _ in try event() }).map(\.seq)
    }

    @Test("A failover that loses commits begins a new epoch, in which no number seen comes again")
    func lost() async throws {
        let primary = try PostgreSQLServer()
        let databases = try (0..<2).map { _ in try primary.makeDatabase() }
        let standby = try PostgreSQLServer(standbyOf: primary)
        let urls = databases.map { url($0, primary, standby) }
        let staying = try Logbook(urls[0])
        var leaving: Logbook? = try Logbook(urls[1])
        #expect(try await store(5, staying) == [1, 2, 3, 4, 5])
        if let leaving { _ = try await store(5, leaving) }
        for database in databases {
            let isThere = await becomesTrue {
                (try? standby.query("SELECT count(*) FROM events", database: database)) == "5"
            }
            #expect(isThere)
        }
        try standby.control("stop")
        #expect(try await store(5, staying) == [6, 7, 8, 9, 10])
        if let leaving { _ = try await store(5, leaving) }
        leaving?.repository.close()
        leaving = nil
        #expect(staying.epoch == 1)
        try primary.control("stop")
        try standby.control("start")
        try standby.control("promote")
        #expect(await becomesTrue { staying.repository.unwritableReason == nil })
        // One that has seen the lost events, and one that starts and knows nothing.
        #expect(try await store(1, staying) == [11])
        #expect(staying.epoch == 2)
        let starting = try Logbook(urls[1])
        #expect(starting.epoch == 2)
        #expect(try await store(1, starting) == [6])
        // Once is enough for all.
        let late = try Logbook(urls[0])
        #expect(late.epoch == 2)
        #expect(try await store(1, late) == [12])
        #expect(staying.epoch == 2)
    }

    @Test("With a standby that takes part in commits nothing is lost, and the epoch stays")
    func replicated() async throws {
        let primary = try PostgreSQLServer()
        let database = try primary.makeDatabase()
        let strict = try Logbook(primary.url(database)) { $0.requiresReplication = true }
        let error = await failure { try await strict.repository.append([event()]) }
        #expect(error as? StoreError == .unavailable(Self.noStandby))
        #expect(strict.repository.unwritableReason == Self.noStandby)
        let standby = try PostgreSQLServer(standbyOf: primary)
        // Any look for commits would say that the server can be reached.
        #expect(strict.repository.unwritableReason == Self.noStandby)
        for server in [primary, standby] { try setStandbys("*", of: server) }
        #expect(await becomesTrue { strict.repository.unwritableReason == nil })
        #expect(try await store(1, strict) == [1])
        let schema = try await strict.repository.read { try $0.describeSchema() }
        #expect(schema.engine.contains(EngineMember("durability", .text("replicated (*)"))))
        let logbook = try Logbook(url(database, primary, standby))
        #expect(try await store(3, logbook) == [2, 3, 4])
        try primary.control("stop")
        try standby.control("promote")
        let third = try PostgreSQLServer(standbyOf: standby)
        #expect(await becomesTrue { logbook.repository.unwritableReason == nil })
        #expect(try await store(1, logbook) == [5])
        #expect(logbook.epoch == 1)
        withExtendedLifetime(third) {}
    }

    @Test("A new primary without standbys begins no epoch if every commit requires one")
    func promoted() async throws {
        let primary = try PostgreSQLServer()
        let database = try primary.makeDatabase()
        let standby = try PostgreSQLServer(standbyOf: primary)
        try setStandbys("*", of: primary)
        let logbook = try Logbook(url(database, primary, standby)) {
            $0.requiresReplication = true
        }
        // The server takes its time to notice.
        #expect(await becomesTrue { (try? await store(1, logbook)) == [1] })
        try primary.control("stop")
        try standby.control("promote")
        let error = await failure { try await logbook.repository.append([event()]) }
        #expect(error as? StoreError == .unavailable(Self.noStandby))
        let third = try PostgreSQLServer(standbyOf: standby)
        try setStandbys("*", of: standby)
        #expect(await becomesTrue { logbook.repository.unwritableReason == nil })
        #expect(try await store(1, logbook) == [2])
        #expect(logbook.epoch == 1)
        withExtendedLifetime(third) {}
    }

    @Test("A commit that no standby confirms is not acknowledged, however often it is asked for")
    func unconfirmed() async throws {
        let server = try PostgreSQLServer()
        let database = try server.makeDatabase()
        let logbook = try makeHasty(server.url(database))
        let repository = logbook.repository
        try setStandbys("nobody", of: server)
        // The server takes its time to notice.
        var number = 0
        let isRefused = await becomesTrue {
            number += 1
            return await failure { try await repository.append([event(["id": "e\(number)"])]) }
                != nil
        }
        #expect(isRefused)
        let count = try server.query(
            "SELECT count(*) FROM events WHERE id = 'e\(number)'", database: database)
        #expect(count == "1")
        for _ in 0..<2 {
            let error = await failure {
                try await repository.append([event(["id": "e\(number)"])])
            }
            #expect(error is StoreError)
            let deletion = await failure { try await repository.delete("none") }
            #expect(deletion is StoreError)
        }
        try setStandbys("", of: server)
        #expect(await becomesTrue { repository.unwritableReason == nil })
        let outcome = try await repository.append([event(["id": "e\(number)"])])[0]
        #expect(outcome.kind == "duplicate" && outcome.seq == Int64(number))
    }

    @Test("What another Logbook stored is acknowledged only once a standby has it")
    func unconfirmedElsewhere() async throws {
        let server = try PostgreSQLServer()
        let database = try server.makeDatabase()
        let logbooks = try (0..<2).map { _ in try makeHasty(server.url(database)) }
        let (first, second) = (logbooks[0].repository, logbooks[1].repository)
        try setStandbys("nobody", of: server)
        func revision(_ series: Int, _ version: Int) throws -> Event {
            try event(["id": "k8s:core:u\(series):\(version)", "metadata": ["count": 1]])
        }
        var series = 0
        let isRefused = await becomesTrue {
            series += 1
            return await failure { try await first.append([revision(series, 1)]) } != nil
        }
        #expect(isRefused)
        func isVisible(_ id: String) async throws -> Bool {
            try await becomesTrue {
                try server.query(
                    "SELECT count(*) FROM events WHERE id = '\(id)'", database: database) == "1"
            }
        }
        #expect(try await isVisible("k8s:core:u\(series):1"))
        // The same event, and a later revision that says the same.
        for version in 1...2 {
            let error = await failure { try await second.append([revision(series, version)]) }
            #expect(error is StoreError, "\(version)")
        }
        let plain = try event(["id": "plain"])
        #expect(await failure { try await first.append([plain]) } is StoreError)
        #expect(try await isVisible("plain"))
        #expect(await failure { try await second.append([plain]) } is StoreError)
        try setStandbys("", of: server)
        #expect(await becomesTrue { second.unwritableReason == nil })
        #expect(try await second.append([revision(series, 2)])[0].kind == "duplicate")
        #expect(try await second.append([plain])[0].kind == "duplicate")
        let strict = try Logbook(server.url(database)) { $0.requiresReplication = true }
        for event in [plain, try revision(series, 2)] {
            let error = await failure { try await strict.repository.append([event]) }
            #expect(error as? StoreError == .unavailable(Self.noStandby))
        }
    }

    @Test("That no standby takes part in commits is told before anything is stored")
    func alone() async throws {
        let server = try PostgreSQLServer()
        let database = try server.makeDatabase()
        let strict = try Logbook(server.url(database)) { $0.requiresReplication = true }
        let lax = try Logbook(server.url(database))
        func reason(_ logbook: Logbook) -> String? { logbook.repository.unwritableReason }
        #expect(await becomesTrue { reason(strict) == Self.noStandby })
        try setStandbys("nobody", of: server)
        #expect(await becomesTrue { reason(strict) == nil })
        _ = try server.query("ALTER SYSTEM RESET synchronous_standby_names")
        try server.control("restart")
        #expect(await becomesTrue { reason(strict) == Self.noStandby })
        #expect(await becomesTrue { reason(lax) == nil })
    }
}
