import EventStore
import Events
import TestSupport
import Testing

@Suite("Logbooks behind PgBouncer in transaction mode")
struct PoolerTests {
    @Test("Everything works, whether the URL tells of it or not", arguments: ["", "&pooled=true"])
    func pooled(parameter: String) async throws {
        let pooler = try Pooler()
        let logbooks = try (0..<2).map { _ in try Logbook(pooler.url + parameter) }
        let tails = logbooks.map { Tail($0.repository, client: 7) }
        try await withThrowingTaskGroup { group in
            for (place, logbook) in logbooks.enumerated() {
                group.addTask {
                    for number in 0..<20 {
                        let outcomes = try await logbook.repository.append([
                            event(["id": "e\(place)-\(number)", "reason": "R\(number % 3)"]),
                            event(["id": "shared-\(number)"]),
                            event([
                                "id": "k8s:core:u:\(number * 2 + place)",
                                "metadata": ["count": number * 2 + place + 1],
                            ]),
                        ])
                        #expect(outcomes[0].kind == "stored" && outcomes[1].kind != "conflict")
                        let found = try await logbook.repository.page([
                            ("reason", "R0"), ("q", "some*"),
                        ])
                        #expect(!found.isEmpty)
                    }
                }
            }
            try await group.waitForAll()
        }
        for tail in tails {
            await tail.reach(100)
            #expect(zip(tail.seen, tail.seen.dropFirst()).allSatisfy { $0.seq < $1.seq })
            #expect(tail.seen.count == 100 && tail.failures == [])
        }
        let repository = logbooks[1].repository
        #expect(try await repository.delete("e0-3"))
        let (deleted, error) = await repository.delete(try query([("reason", "R1")]))
        #expect(deleted == 14 && error == nil)
        let asked = try query([("count", "exact"), ("fold", "true")])
        let counts = try await logbooks[0].repository.read { reader in
            (
                try reader.page(asked, budget: .seconds(60)) { _ in true },
                try reader.count(asked, budget: .seconds(60))
            )
        }
        #expect(counts.0 == 3 && counts.1 == 85)
    }
}
