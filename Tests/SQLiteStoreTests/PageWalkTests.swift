import Events
import Foundation
import SQLite
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Walking pages while others write")
struct PageWalkTests {
    /// LOGBOOK_TEST_ROWS=100000 makes it a long walk.
    private static let rows =
        Int(ProcessInfo.processInfo.environment["LOGBOOK_TEST_ROWS"] ?? "") ?? 5_000

    /// Inserts events with ids `keep-…` and `drop-…`, forty at each time.
    private static func fill(_ path: String) throws {
        try makeLatest(path)
        try Connection(path, .readWrite).execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
            INSERT INTO events (received_at, id, event_type, severity, title, object_kind, created_at)
            SELECT 0, iif(i % 4, 'keep-', 'drop-') || i, 'cluster', 'error', 'fish ' || i, 'Pod',
              strftime('%Y-%m-%dT%H:%M:%S.000Z', 1795420000 + i / 40, 'unixepoch') FROM n
            """)
    }

    private final class End: Sendable {
        let isReached = Atomic<Bool>(false)
    }

    /// Stores events all over the time range, and deletes, until `end`.
    private static func churn(_ store: TestStore, until end: End) async throws {
        var generator = SeededGenerator(seed: 7)
        while !end.isReached.load(ordering: .relaxed) {
            let second = Int64.random(in: 0...Int64(rows / 40), using: &generator)
            let time = Timestamp(milliseconds: (1_795_420_000 + second) * 1000)!.text
            _ = await store.repository.append(
                try (0..<20).map { _ in
                    try event([
                        "severity": "error", "object_kind": "Pod", "title": "fish",
                        "created_at": time,
                    ])
                })
            let doomed = Int.random(in: 1...(rows / 4), using: &generator) * 4
            _ = await store.repository.delete("drop-\(doomed)")
        }
    }

    /// All ids, page after page.
    private static func walk(
        _ store: TestStore, _ parameters: [(String, String)]
    ) async throws -> [String] {
        let reader = try store.repository.makeReader()
        var ids: [String] = []
        var cursor: String?
        repeat {
            let query = try query(parameters + [("limit", "97")], cursor: cursor)
            var page: [(id: String, position: EventQuery.Position)] = []
            try reader.page(query, budget: .seconds(60)) { view in
                page.append(
                    (
                        String(decoding: view[.id]!, as: UTF8.self),
                        .init(
                            createdAt: String(decoding: view[.createdAt]!, as: UTF8.self),
                            seq: view.seq)
                    ))
                return true
            }
            cursor = page.count > 97 ? query.cursor(after: page[96].position) : nil
            ids += page.prefix(97).map(\.id)
            // Lets the others run.
            await Task.yield()
        } while cursor != nil
        return ids
    }

    @Test(
        "Nothing is shown twice, and nothing skipped that was there all along",
        arguments: [
            "", "severity=error", "severity=error&object_kind=Pod", "q=fish",
            "q=fish&severity=error",
        ], ["desc", "asc"])
    func walk(filters: String, order: String) async throws {
        let store = try TestStore(make: Self.fill)
        let parameters = filters.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=").map(String.init)
            return (parts[0], parts[1])
        }
        let end = End()
        let ids = try await withThrowingTaskGroup(of: [String]?.self) { group in
            group.addTask {
                try await Self.churn(store, until: end)
                return nil
            }
            group.addTask {
                defer { end.isReached.store(true, ordering: .relaxed) }
                return try await Self.walk(store, parameters + [("order", order)])
            }
            var ids: [String] = []
            for try await result in group { ids += result ?? [] }
            return ids
        }
        #expect(Set(ids).count == ids.count)
        let kept = ids.filter { $0.hasPrefix("keep-") }
        #expect(kept.count == Self.rows - Self.rows / 4)
    }
}
