import CLinux
import EventStore
import Events
import PostgreSQL
import PostgreSQLStore
import TestSupport
import Testing

@Suite("Time limits in PostgreSQL")
struct LimitTests {
    private let server: PostgreSQLServer
    private let database: String

    init() throws {
        server = try PostgreSQLServer.shared.get()
        database = try server.makeDatabase()
    }

    private static var deadline: UInt64 { clinux_monotonic_nanoseconds() + 60_000_000_000 }

    /// Runs `body` while nobody can read or write the table.
    private func locked<Result>(
        _ table: String, _ body: () async throws -> Result
    ) async throws -> Result {
        let address = try PostgreSQLAddress(url: server.url(database), allowsPassword: true)
        let connection = try PostgreSQLConnection(address, deadline: Self.deadline)
        try connection.run(
            [
                PostgreSQLStatement("BEGIN"),
                PostgreSQLStatement("LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE"),
            ], deadline: Self.deadline)
        defer { withExtendedLifetime(connection) {} }
        let result = try await body()
        try connection.run([PostgreSQLStatement("COMMIT")], deadline: Self.deadline)
        return result
    }

    /// Waits until one such statement waits for a lock.
    private func oneWaits(_ condition: String) async -> Bool {
        await becomesTrue {
            let count = try? server.query(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = '\(database)' AND wait_event_type = 'Lock' AND \(condition)
                """)
            return count == "1"
        }
    }

    @Test("A read that hangs ends at its budget, its deadline, or when it is canceled")
    func reads() async throws {
        let logbook = try Logbook(server.url(database))
        let repository = logbook.repository
        try await repository.append([event(["id": "a"])])
        let all = try query([])
        let statistics = try StatisticsQuery(
            all, interval: nil, by: nil, occurrences: nil, now: testMoment)
        let reads: [@Sendable (any EventReader, Duration) throws -> Void] = [
            { try $0.page(all, budget: $1) { _ in true } },
            { _ = try $0.count(all, budget: $1) },
            { _ = try $0.statistics(statistics, budget: $1) },
            { try $0.follow(.all, 1...9, budget: $1) { _ in true } },
        ]
        try await locked("events") {
            for read in reads {
                let late = await failure {
                    try await repository.read { try read($0, .milliseconds(50)) }
                }
                #expect(late as? StoreError == .timeLimit)
                let request = ReadRequest(client: 1, limit: .seconds(60))
                async let cancelled = failure {
                    try await repository.read(request) { try read($0, .seconds(60)) }
                }
                #expect(await oneWaits("query LIKE '%FROM events%'"))
                request.cancel()
                #expect(await cancelled as? StoreError == .cancelled)
                let short = ReadRequest(client: 1, limit: .milliseconds(50))
                let over = await failure {
                    try await repository.read(short) { try read($0, .seconds(60)) }
                }
                #expect(over as? StoreError == .timeLimit)
            }
        }
        // The threads serve the next reads.
        for _ in 0..<8 { #expect(try await repository.page([]) == ["a"]) }
    }

    @Test("A query over many rows ends at its budget in the middle, too")
    func manyRows() async throws {
        let logbook = try Logbook(server.url(database))
        let repository = logbook.repository
        try await repository.append([event(["id": "a", "metadata": ["a": 1]])])
        _ = try server.query(
            """
            INSERT INTO events SELECT n, 'e' || n, event_type, severity, title, object_kind,
              object_namespace, object_name, cluster, reason, occurrences, fold_key, received_at,
              created_at, description, metadata, words FROM events, generate_series(2, 30000) n
            """, database: database)
        let all = try query([("metadata.a", "1")])
        let late = await failure {
            try await repository.read { try $0.count(all, budget: .milliseconds(1)) }
        }
        #expect(late as? StoreError == .timeLimit)
        let request = ReadRequest(client: 1, limit: .seconds(60))
        let cancelled = await failure {
            try await repository.read(request) { reader in
                // From the first row on, nobody wants it any longer.
                try reader.page(try query([("metadata.a", "2")]), budget: .seconds(60)) { _ in true
                }
                request.cancel()
                _ = try reader.count(all, budget: .seconds(60))
            }
        }
        #expect(cancelled as? StoreError == .cancelled)
        #expect(try await repository.read { try $0.count(all, budget: .seconds(60)) } == 30_000)
    }

    @Test("What the server refuses costs only itself")
    func refused() async throws {
        let logbook = try Logbook(server.url(database))
        let repository = logbook.repository
        try await repository.append([event(["id": "before"])])
        _ = try server.query(
            "ALTER TABLE events ADD CHECK (title <> 'refused')", database: database)
        let (first, rest) = try await locked("store_state") {
            let first = Task { try await repository.append([event(["id": "first"])]) }
            #expect(await oneWaits("query LIKE '%logbook_append%'"))
            // These wait, and are taken together.
            let rest = (0..<20).map { number in
                Task {
                    await failure {
                        try await repository.append([
                            event(["id": "e\(number)", "title": number % 7 == 3 ? "refused" : "t"])
                        ])
                    }
                }
            }
            #expect(await becomesTrue { repository.statistics.queued.events == 20 })
            return (first, rest)
        }
        _ = try await first.value
        for (number, task) in rest.enumerated() {
            #expect((await task.value != nil) == (number % 7 == 3), "\(number)")
        }
        #expect(try await repository.page([("limit", "1000")]).count == 19)
        let alone = await failure { try await repository.append([event(["title": "refused"])]) }
        #expect(alone != nil && repository.unwritableReason == nil)
    }

    @Test("A look for commits that nobody answers is told as long as that lasts")
    func looks() async throws {
        let logbook = try Logbook(server.url(database)) { $0.exchangeLimit = .milliseconds(200) }
        let repository = logbook.repository
        try await locked("store_state") {
            #expect(await becomesTrue { repository.unwritableReason != nil })
            #expect(repository.unwritableReason == "the database cannot be reached")
        }
        // Nobody writes.
        #expect(await becomesTrue { repository.unwritableReason == nil })
    }

    @Test("A write that nobody answers is not acknowledged, and is stored at most once")
    func writes() async throws {
        let logbook = try Logbook(server.url(database)) { configuration in
            configuration.exchangeLimit = .milliseconds(200)
            configuration.patience = .milliseconds(300)
        }
        let repository = logbook.repository
        try await repository.append([event(["id": "a"])])
        try await locked("store_state") {
            let error = await failure { try await repository.append([event(["id": "b"])]) }
            #expect(error is StoreError)
            #expect(repository.unwritableReason != nil)
        }
        #expect(await becomesTrue { repository.unwritableReason == nil })
        let outcome = try await repository.append([event(["id": "b"])])[0]
        #expect(outcome.seq == 2)
        #expect(try await repository.page([("order", "asc")]) == ["a", "b"])
    }
}
