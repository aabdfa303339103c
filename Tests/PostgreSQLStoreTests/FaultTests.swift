import EventStore
import Events
import PostgreSQLStore
import TestSupport
import Testing

/// Connections that end at any place leave no doubt to the client.
@Suite("Connections cut at a chosen message")
struct FaultTests {
    private let server: PostgreSQLServer
    private let database: String
    private let proxy: FaultProxy
    private let logbook: Logbook
    private let direct: Logbook

    init() throws {
        server = try PostgreSQLServer.shared.get()
        database = try server.makeDatabase()
        proxy = try FaultProxy(server)
        logbook = try Logbook(proxy.url(database))
        direct = try Logbook(server.url(database))
    }

    /// The places at which a transaction can break.
    private static let messages: [FaultProxy.Cut.Message] = [
        .statement("COMMIT"), .completion("COMMIT"), .completion("BEGIN"),
    ]

    @Test("Storing is done once, and the answer is that of the first time", arguments: 0..<3)
    func append(place: Int) async throws {
        let tail = Tail(direct.repository, client: 7)
        try await logbook.repository.append([event(["id": "first"])])
        proxy.cutOnce(FaultProxy.Cut(Self.messages[place], in: "logbook_append"))
        let outcomes = try await logbook.repository.append([
            event(["id": "a"]), event(["id": "b"]), event(["id": "a"]),
            event(["id": "first", "title": "x"]),
        ])
        #expect(proxy.hasCut)
        #expect(outcomes.map(\.kind) == ["stored", "stored", "duplicate", "conflict"])
        #expect(outcomes.map(\.seq) == [2, 3, 2, nil])
        #expect(try await logbook.repository.append([event(["id": "c"])])[0].seq == 4)
        await tail.reach(4)
        #expect(tail.seen.map(\.id) == ["first", "a", "b", "c"])
        #expect(tail.seen.map(\.seq) == [1, 2, 3, 4])
        let figures = logbook.repository.statistics.tally
        #expect(figures.storedCount == 4 && figures.duplicates == 1 && figures.conflicts == 1)
        #expect(logbook.repository.unwritableReason == nil)
    }

    @Test("Revisions raise the count of their series once", arguments: 0..<3)
    func series(place: Int) async throws {
        func revision(_ version: Int, _ count: Int) throws -> Event {
            try event(["id": "k8s:core:u:\(version)", "metadata": ["count": count]])
        }
        try await logbook.repository.append([revision(1, 2)])
        proxy.cutOnce(FaultProxy.Cut(Self.messages[place], in: "unnest"))
        let outcomes = try await logbook.repository.append([revision(2, 5), revision(3, 9)])
        #expect(proxy.hasCut)
        #expect(outcomes.map(\.kind) == ["stored", "stored"])
        #expect(outcomes.map { $0.receipt?.occurrences } == [3, 4])
        let next = try await direct.repository.append([revision(4, 10)])
        #expect(next[0].receipt?.occurrences == 1 && next[0].seq == 4)
    }

    @Test("All or nothing stays that", arguments: 0..<3)
    func allOrNothing(place: Int) async throws {
        proxy.cutOnce(FaultProxy.Cut(Self.messages[place], in: "logbook_append"))
        let outcomes = try await logbook.repository.append(
            [event(["id": "a"]), event(["id": "b"])], allOrNothing: true)
        #expect(proxy.hasCut)
        #expect(outcomes.map(\.seq) == [1, 2])
        #expect(try await direct.repository.page([("order", "asc")]) == ["a", "b"])
    }

    @Test("A deletion tells whether there was something to delete", arguments: 0..<3)
    func delete(place: Int) async throws {
        try await logbook.repository.append([event(["id": "a"]), event(["id": "b"])])
        proxy.cutOnce(FaultProxy.Cut(Self.messages[place], in: "DELETE FROM events"))
        #expect(try await logbook.repository.delete("b"))
        #expect(proxy.hasCut)
        #expect(try await !logbook.repository.delete("b"))
        #expect(try await direct.repository.page([]) == ["a"])
        #expect(logbook.repository.statistics.tally.deleted == 1)
        #expect(try await direct.repository.append([event(["id": "b"])])[0].seq == 3)
        var range = try await direct.repository.read {
            try $0.streamRange(after: 0, for: .all)
        }
        range.epoch = nil
        #expect(range == StreamRange(last: 3, oldest: 1, next: 1, removed: 2))
    }

    @Test("So does a deletion by filter", arguments: 0..<3)
    func deleteByFilter(place: Int) async throws {
        try await logbook.repository.append((0..<30).map { try event(["id": "e\($0)"]) })
        proxy.cutOnce(FaultProxy.Cut(Self.messages[place], in: "DELETE FROM events"))
        let (deleted, error) = await logbook.repository.delete(try query([("severity", "info")]))
        #expect(proxy.hasCut)
        #expect(deleted == 30 && error == nil)
    }

    @Test("The other Logbook's write of the same id is not taken for one's own")
    func other() async throws {
        proxy.cutOnce(FaultProxy.Cut(.statement("COMMIT"), in: "logbook_append"))
        async let outcome = logbook.repository.append([event(["id": "a", "title": "Mine"])])
        _ = await becomesTrue { proxy.hasCut }
        let theirs = try await direct.repository.append([event(["id": "a", "title": "Theirs"])])
        let mine = try await outcome
        #expect(Set([mine[0].kind, theirs[0].kind]) == ["stored", "conflict"])
    }

    /// The first row, and the end after all of them.
    private static let rows: [FaultProxy.Cut.Message] = [.row, .completion("SELECT 30")]

    @Test("A page that is cut is repeated, or its client is told", arguments: 0..<2)
    func page(place: Int) async throws {
        try await logbook.repository.append((0..<30).map { try event(["id": "e\($0)"]) })
        let parameters = [("order", "asc"), ("limit", "1000")]
        let all = try await direct.repository.page(parameters)
        for counting in [[], [("count", "exact")], [("q", "something")], [("fold", "true")]] {
            let expected = try await direct.repository.page(parameters + counting)
            proxy.cutOnce(FaultProxy.Cut(Self.rows[place], in: "FROM events"))
            do {
                let found = try await logbook.repository.page(parameters + counting)
                #expect(found == expected)
            } catch let error as StoreError {
                #expect(error == .unavailable("the database cannot be read at the moment"))
            }
            #expect(proxy.hasCut)
            #expect(try await logbook.repository.page(parameters) == all)
        }
    }

    @Test("A server that falls silent in the middle is given up, and what it did is found")
    func silence() async throws {
        let hasty = try Logbook(proxy.url(database)) { $0.exchangeLimit = .milliseconds(200) }
        try await hasty.repository.append([event(["id": "first"])])
        proxy.beSilent(true)
        async let outcomes = hasty.repository.append([event(["id": "a"]), event(["id": "b"])])
        // It notices only by its own clock.
        #expect(await becomesTrue { hasty.repository.unwritableReason != nil })
        proxy.beSilent(false)
        #expect(try await outcomes.map(\.kind) == ["stored", "stored"])
        #expect(try await direct.repository.page([("order", "asc")]) == ["first", "a", "b"])
    }

    @Test("A look for commits that is cut is repeated")
    func look() async throws {
        let tail = Tail(logbook.repository, client: 7)
        proxy.cutOnce(FaultProxy.Cut(.row, in: "FROM store_state"))
        #expect(await becomesTrue { proxy.hasCut })
        try await direct.repository.append([event(["id": "a"])])
        await tail.reach(1)
        #expect(tail.seen.map(\.id) == ["a"])
    }
}
