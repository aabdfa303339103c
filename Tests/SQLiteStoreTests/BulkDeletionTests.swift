import Events
import SQLite
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Deleting by filter")
struct BulkDeletionTests {
    private struct Ending: Equatable {
        let deleted: Int
        let error: StoreError?
    }

    private final class Looks: Sendable {
        private let count = Atomic<Int>(0)

        func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    }

    private static func delete(
        _ store: TestStore, _ parameters: [(String, String)], upTo last: Int64 = .max,
        stopReason: @escaping @Sendable () -> StoreError? = { nil }
    ) async throws -> Ending {
        let query = try query(parameters + [("limit", "1000")])
        return await withCheckedContinuation { continuation in
            store.repository.delete(query, upTo: last, for: 1, stopReason: stopReason) {
                deleted, error in
                continuation.resume(returning: Ending(deleted: deleted, error: error))
            }
        }
    }

    private static func seqs(_ store: TestStore) throws -> [Int64] {
        try rows(store.path, "SELECT seq FROM events ORDER BY seq").map { Int64($0)! }
    }

    /// A maker of `count` events with two alternating severities, some of them at one time.
    private static func fill(_ count: Int) -> (String) throws -> Void {
        { path in
            try makeLatest(path)
            try Connection(path, .readWrite).execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
                INSERT INTO events (received_at, id, event_type, severity, title, object_name, created_at)
                SELECT 0, i, 'a', iif(i % 2, 'error', 'info'), 'fish ' || i, 'n' || (i % 7),
                  strftime('%Y-%m-%dT%H:%M:%S.000Z', 1795420000 + i / 40, 'unixepoch') FROM n
                """)
        }
    }

    @Test("What the filters match goes, and nothing else", arguments: UInt64(1)...4)
    func model(seed: UInt64) async throws {
        var filled: FilterModel?
        let store = try TestStore(make: { path in
            try makeLatest(path)
            filled = try FilterModel(
                filling: path, count: 700, indexed: Int(seed - 1) * 233, seed: seed)
        })
        var model = try #require(filled)
        var random = SeededGenerator(seed: seed)
        var total = 0
        for _ in 0..<40 {
            let asked = FilterModel.query(&random)
            let doomed = model.events.filter(asked.admits).map(\.seq)
            // Some must stay for the later queries.
            guard !asked.parameters.isEmpty, doomed.count < model.events.count / 4 else { continue }
            let ending = try await Self.delete(store, asked.parameters)
            #expect(ending == Ending(deleted: doomed.count, error: nil), "\(asked.parameters)")
            model = model.without(doomed)
            #expect(try Self.seqs(store) == model.events.map(\.seq), "\(asked.parameters)")
            total += doomed.count
        }
        #expect(total > 100)
        #expect(store.repository.statistics.tally.deleted == total)
        // Deleted events are gone from the search index too; the others are found.
        let reader = try store.repository.makeReader()
        for word in ["fish", "bird"] {
            let asked = try query([("q", word)])
            #expect(
                try reader.count(asked, budget: .seconds(60))
                    == model.events.count { $0.title.contains(word) })
        }
    }

    @Test("More than a page, while others store and delete: old events go, new ones stay")
    func many() async throws {
        let store = try TestStore(make: Self.fill(5000))
        let other = Task {
            var ids: [String] = []
            for number in 0..<50 {
                let id = "new-\(number)"
                _ = await store.repository.append([
                    try event([
                        "id": id, "severity": "error", "created_at": PageModel.time(number % 30),
                    ])
                ])
                ids.append(id)
                _ = await store.repository.delete("\(number * 100)")
            }
            return ids
        }
        let ending = try await Self.delete(store, [("severity", "error")], upTo: 5000)
        let ids = try await other.value
        #expect(ending == Ending(deleted: 2500, error: nil))
        #expect(
            try rows(store.path, "SELECT count(*) FROM events WHERE severity = 'error'") == ["50"])
        #expect(
            try rows(store.path, "SELECT id FROM events WHERE seq > 5000 ORDER BY seq") == ids)
        #expect(try Connection(store.path, .readOnly).text("PRAGMA integrity_check") == "ok")
    }

    @Test("What was stored after the request is not meant")
    func lastSeq() async throws {
        let store = try TestStore(make: Self.fill(100))
        #expect(
            try await Self.delete(store, [("q", "fish")], upTo: 60)
                == Ending(deleted: 60, error: nil))
        #expect(try Self.seqs(store) == Array(61...100))
        #expect(
            try await Self.delete(store, [("q", "fish")], upTo: 60)
                == Ending(deleted: 0, error: nil))
    }

    @Test("A stopped one reports how many were deleted; repeating it continues")
    func stopped() async throws {
        let store = try TestStore(make: Self.fill(3000))
        let looks = Looks()
        let ending = try await Self.delete(store, [("since", "365d")]) {
            looks.next() == 2 ? .unavailable("enough") : nil
        }
        #expect(
            ending
                == Ending(deleted: 1000, error: .unavailable("enough")))
        #expect(try Self.seqs(store).count == 2000)
        #expect(
            try await Self.delete(store, [("since", "365d")]) == Ending(deleted: 2000, error: nil))
    }

    @Test("The end of the store ends it, between two slices")
    func closed() async throws {
        let store = try TestStore(make: Self.fill(3000))
        let block = WriterBlock(store.repository)
        let reply = Task { try await Self.delete(store, [("severity", "info")]) }
        block.release()
        store.repository.close()
        let ending = try await reply.value
        #expect(try Self.seqs(store).count == 3000 - ending.deleted)
        #expect(ending.error != nil || ending.deleted == 1500)
    }

    @Test("So many go on at a time, and no more")
    func bound() async throws {
        let store = try TestStore(make: Self.fill(100))
        let block = WriterBlock(store.repository)
        let endings = try await withThrowingTaskGroup(of: Ending.self) { group in
            for _ in 0...BulkDeletions.most {
                group.addTask { try await Self.delete(store, [("severity", "info")]) }
            }
            // The writer is held, so only the one too many ends.
            var endings = [try await group.next()!]
            #expect(
                endings[0]
                    == Ending(
                        deleted: 0,
                        error: .unavailable("16 deletions by filter are already running")))
            block.release()
            for try await ending in group { endings.append(ending) }
            return endings
        }
        #expect(endings.map(\.deleted).reduce(0, +) == 50)
        #expect(endings.count { $0.error != nil } == 1)
        #expect(
            try await Self.delete(store, [("severity", "error")]) == Ending(deleted: 50, error: nil)
        )
    }

    @Test("A search that takes too long ends it")
    func timeLimit() async throws {
        let store = try TestStore(make: Self.fill(3000)) { $0.queryTimeLimit = .nanoseconds(1) }
        #expect(
            try await Self.delete(store, [("metadata.a", "b")])
                == Ending(deleted: 0, error: .timeLimit))
    }

    @Test("Beside a small bound on the files the WAL keeps within its own")
    func walBound() async throws {
        let store = try TestStore(make: Self.fill(20_000)) {
            $0.walBytes = 4 * 1024 * 1024
            $0.retention.bytes = 64 * 1024 * 1024
        }
        #expect(
            try await Self.delete(store, [("severity", "info")])
                == Ending(deleted: 10_000, error: nil))
        #expect(store.repository.fileSizes.wal <= 4 * 1024 * 1024)
        #expect(try Self.seqs(store).count == 10_000)
    }
}
