import EventStore
import Events
import PostgreSQLStore
import Synchronization
import TestSupport
import Testing

@Suite("A server that goes away and comes back")
final class RestartTests: Sendable {
    private let server: PostgreSQLServer
    private let database: String
    private let acknowledged = Mutex<[String: Int64]>([:])
    private let isOver = Atomic(false)

    init() throws {
        server = try PostgreSQLServer()
        database = try server.makeDatabase()
    }

    /// Stores one event after the other until the end.
    private func write(_ repository: any EventRepository, _ writer: Int) async throws {
        var number = 0
        while !isOver.load(ordering: .relaxed) {
            let id = "w\(writer)-\(number)"
            let outcome = try await repository.append([event(["id": id])])[0]
            // It is this writer's alone: only a lost answer could make it a duplicate.
            #expect(outcome.kind == "stored", "\(id)")
            acknowledged.withLock { $0[id] = outcome.seq }
            number += 1
        }
    }

    @Test("Restarts under writers lose nothing and double nothing")
    func restarts() async throws {
        let logbooks = try (0..<2).map { _ in try Logbook(server.url(database)) }
        let tails = logbooks.map { Tail($0.repository, client: 7) }
        try await withThrowingTaskGroup { group in
            for writer in 0..<6 {
                group.addTask { [self] in
                    try await write(logbooks[writer % 2].repository, writer)
                }
            }
            for _ in 0...2 {
                let before = acknowledged.withLock(\.count)
                #expect(await becomesTrue { acknowledged.withLock(\.count) > before + 50 })
                try server.control("restart")
            }
            let before = acknowledged.withLock(\.count)
            #expect(await becomesTrue { acknowledged.withLock(\.count) > before + 50 })
            isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        let all = acknowledged.withLock { $0 }
        let last = try #require(all.values.max())
        for tail in tails {
            await tail.reach(last)
            let seen = tail.seen
            #expect(seen.map(\.seq) == Array(1...last))
            #expect(Dictionary(uniqueKeysWithValues: seen.map { ($0.id, $0.seq) }) == all)
        }
    }

    @Test("While it is away, that is told; then everything goes on by itself")
    func away() async throws {
        let logbook = try Logbook(server.url(database)) { $0.patience = .milliseconds(100) }
        let patient = try Logbook(server.url(database))
        let repository = logbook.repository
        try await repository.append([event(["id": "a"])])
        try server.control("stop")
        #expect(await becomesTrue { repository.unwritableReason != nil })
        #expect(repository.unwritableReason == "the database cannot be reached")
        let writing = await failure { try await repository.append([event(["id": "b"])]) }
        #expect(writing as? StoreError == .unavailable("the database cannot be reached"))
        let reading = await failure { try await repository.page([]) }
        #expect(
            reading as? StoreError == .unavailable("the database cannot be read at the moment"))
        // Whoever has patience left waits.
        #expect(await becomesTrue { patient.repository.unwritableReason != nil })
        async let waiting = patient.repository.append([event(["id": "c"])])
        try server.control("start")
        #expect(try await waiting[0].seq == 2)
        #expect(await becomesTrue { repository.unwritableReason == nil })
        #expect(try await repository.append([event(["id": "b"])])[0].seq == 3)
        #expect(try await repository.page([]).count == 3)
    }

    @Test("A server that is away at the start is waited for, or not, if the service ends")
    func opening() async throws {
        try server.control("stop")
        let logbooks = try (0..<2).map { _ in try Logbook(server.url(database), opens: false) }
        async let waiting: Void = logbooks[0].repository.open()
        async let ended = failure { try logbooks[1].repository.open() }
        logbooks[1].repository.close()
        #expect(await ended is SchemaError)
        #expect(logbooks[0].repository.schemaState.status == .migrating)
        let error = await failure { try await logbooks[0].repository.append([event()]) }
        #expect(error as? StoreError == .unavailable("the database is being opened or migrated"))
        try server.control("start")
        try await waiting
        #expect(logbooks[0].repository.schemaState.status == .ready)
        #expect(try await logbooks[0].repository.append([event()])[0].seq == 1)
    }
}
