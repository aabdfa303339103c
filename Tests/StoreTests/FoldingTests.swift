import EventStore
import Events
import Foundation
import Ingest
import TestSupport
import Testing

/// Folding, and the occurrences that it sums, by the seam alone.
@Suite("Every store folds")
struct FoldingTests {
    // MARK: Keys

    @Test("Alike is what has everything but its message in common", arguments: StoreKind.allCases)
    func keys(kind: StoreKind) async throws {
        let store = try Store(kind)
        let pod = [
            "event_type": "cluster", "severity": "warning", "object_kind": "Pod",
            "object_namespace": "shop", "object_name": "web-0",
        ]
        // Of SHA-256, computed by another program: keys in a file are for good.
        let expected: [([String: String], String)] = [
            (pod.merging(["reason": "BackOff", "title": "x"]) { $1 }, "6396b9a4c54f9925"),
            (pod.merging(["reason": "BackOff", "title": "y"]) { $1 }, "6396b9a4c54f9925"),
            (pod.merging(["title": "BackOff"]) { $1 }, "907a228e71b5fad9"),
            (["title": "t"], "d4ffc88fb74a22e9"),
            (["title": "t", "cluster": ""], "5f162e25fc3c0dce"),
        ]
        let outcomes = try await store.append(expected.map { try event($0.0) })
        for (outcome, (fields, key)) in zip(outcomes, expected) {
            let found = try #require(outcome.receipt?.foldKey)
            #expect(String(UInt64(bitPattern: found), radix: 16) == key, "\(fields)")
        }
        #expect(try await store.ids([("fold_key", "6396b9a4c54f9925")]).count == 2)
        #expect(
            try await store.ids([("fold_key", "6396b9a4c54f9925"), ("severity", "info")]) == [])
        let all = try await store.read { reader in
            var keys: [Int64?] = []
            try reader.follow(.all, 1...5, budget: .seconds(60)) { event in
                keys.append(event.foldKey)
                return true
            }
            return keys
        }
        #expect(all == outcomes.map { $0.receipt?.foldKey })
        let filter = StreamFilter(try query([("fold_key", "907a228e71b5fad9")]))
        let followed = try await store.read { reader in
            var seqs: [Int64] = []
            try reader.follow(filter, 1...5, budget: .seconds(60)) { event in
                seqs.append(event.seq)
                return true
            }
            return seqs
        }
        #expect(followed == [3])
    }

    // MARK: Pages

    /// A group as a page tells it.
    struct Entry: Equatable, Sendable {
        let id: String
        let occurrences: Int64
        let events: Int
        let first, last: String
        var isAtLeast = false
    }

    /// An event as the model knows it.
    private struct Known {
        let id, createdAt: String
        let group: Int
        let hasWord: Bool
        let occurrences: Int64
        var seq: Int64 = 0

        var json: [String: Any] {
            [
                "id": id, "created_at": createdAt, "severity": group % 3 == 0 ? "error" : "info",
                "object_kind": "Pod", "object_name": "web-\(group / 4)", "reason": "R\(group % 4)",
                "title": hasWord ? "special" : "usual", "occurrences": occurrences,
            ]
        }
    }

    private static func make(
        _ count: Int, from start: Int, _ generator: inout SeededGenerator
    ) -> [Known] {
        (start..<(start + count)).map { index in
            // The first groups have most of them, and many share a time.
            let group = Int.random(in: 0..<40, using: &generator)
            let minute = Int.random(in: 0..<49, using: &generator)
            return Known(
                id: "e\(index)", createdAt: "2026-11-01T10:\(minute + 10):00.000Z",
                group: group * group / 40, hasWord: index % 3 == 0,
                occurrences: Int64.random(in: 0...5, using: &generator))
        }
    }

    /// The pages' entries, and what the first page says of their number.
    private static func walk(
        _ store: Store, _ parameters: [(String, String)],
        between: (Int) async throws -> Void = { _ in }
    ) async throws -> (entries: [Entry], total: Int?) {
        var entries: [Entry] = []
        var total: Int?
        var cursor: String?
        var page = 0
        repeat {
            let query = try query(
                parameters + [("fold", "true"), ("count", "exact")], cursor: cursor)
            let (found, next, count) = try await store.read { reader in
                var found: [Entry] = []
                var next: String?
                var last: EventQuery.Position?
                let count = try reader.page(query, budget: .seconds(60)) { event in
                    guard found.count < query.limit else {
                        next = last.map { query.cursor(after: $0) }
                        return false
                    }
                    guard let fold = event.fold else { return false }
                    found.append(
                        Entry(
                            id: String(decoding: event[.id]!, as: UTF8.self),
                            occurrences: fold.occurrences, events: fold.events,
                            first: String(decoding: fold.first, as: UTF8.self),
                            last: String(decoding: fold.last, as: UTF8.self),
                            isAtLeast: fold.isAtLeast))
                    last = EventQuery.Position(event)
                    return true
                }
                return (found, next, count)
            }
            entries += found
            if page == 0 { total = count } else { #expect(count == total) }
            cursor = next
            try await between(page)
            page += 1
        } while cursor != nil
        return (entries, total)
    }

    private static func fold(
        _ all: [Known], ascending: Bool, _ isWanted: (Known) -> Bool
    ) -> [Entry] {
        let groups = Dictionary(grouping: all.filter(isWanted)) { known in known.group }
        let sorted = groups.values.map { group in
            group.sorted { ($0.createdAt, $0.seq) < ($1.createdAt, $1.seq) }
        }.sorted { left, right in
            let (left, right) = (left.last!, right.last!)
            return ((left.createdAt, left.seq) < (right.createdAt, right.seq)) == ascending
        }
        return sorted.map { group in
            Entry(
                id: group.last!.id, occurrences: group.reduce(0) { $0 + $1.occurrences },
                events: group.count, first: group.first!.createdAt, last: group.last!.createdAt)
        }
    }

    @Test(
        "A folded list has the newest of each group that matches, as of its first page, whatever comes meanwhile",
        arguments: StoreKind.allCases)
    func pages(kind: StoreKind) async throws {
        let store = try Store(kind)
        var generator = SeededGenerator(seed: 7)
        var all = Self.make(1500, from: 0, &generator)
        for (index, outcome) in try await store.append(all.map { try event($0.json) }).enumerated()
        {
            all[index].seq = outcome.seq ?? 0
        }
        let since = "2026-11-01T10:20:00.000Z"
        let until = "2026-11-01T10:40:00.000Z"
        let asked: [([(String, String)], (Known) -> Bool)] = [
            ([], { _ in true }), ([("severity", "error")], { $0.group % 3 == 0 }),
            ([("reason", "R1,R2")], { [1, 2].contains($0.group % 4) }),
            ([("object_name", "web-*"), ("reason", "!R3")], { $0.group % 4 != 3 }),
            ([("since", since)], { $0.createdAt >= since }),
            ([("until", until)], { $0.createdAt < until }),
            (
                [("since", since), ("until", until), ("severity", "info")],
                {
                    $0.createdAt >= since && $0.createdAt < until && $0.group % 3 != 0
                }
            ),
            ([("q", "special")], { $0.hasWord }),
            ([("q", "special"), ("until", until)], { $0.hasWord && $0.createdAt < until }),
            ([("object_kind", "Pod"), ("q", "-special usual")], { !$0.hasWord }),
            ([("reason", "none")], { _ in false }),
        ]
        var extra = all.count
        for (parameters, isWanted) in asked {
            for (order, limit) in [("desc", "7"), ("asc", "7"), ("desc", "1000"), ("asc", "1")] {
                let expected = Self.fold(all, ascending: order == "asc", isWanted)
                let paging = [("order", order), ("limit", limit)]
                var added: [Known] = []
                let walk = try await Self.walk(store, parameters + paging) { page in
                    guard page < 2 else { return }
                    var more = Self.make(20, from: extra, &generator)
                    extra += more.count
                    let outcomes = try await store.append(more.map { try event($0.json) })
                    for (index, outcome) in outcomes.enumerated() {
                        more[index].seq = outcome.seq ?? 0
                    }
                    added += more
                }
                #expect(walk.entries == expected, "\(parameters) \(paging)")
                #expect(walk.total == expected.count, "\(parameters) \(paging)")
                all += added
            }
        }
    }

    @Test("Of a large group the newest 10,000 are counted", arguments: StoreKind.allCases)
    func large(kind: StoreKind) async throws {
        let store = try Store(kind)
        for start in stride(from: 0, to: 10_000, by: 2_500) {
            try await store.append((start..<(start + 2_500)).map { try event(["id": "e\($0)"]) })
        }
        for parameters in [[], [("q", "something")]] {
            let whole = try await Self.walk(store, parameters).entries
            #expect(whole.map(\.events) == [10_000] && whole.map(\.isAtLeast) == [false])
        }
        try await store.append([event(["id": "more"])])
        for parameters in [[], [("q", "something")]] {
            let cut = try await Self.walk(store, parameters).entries
            #expect(cut.map(\.id) == ["more"])
            #expect(cut.map(\.events) == [10_000] && cut.map(\.isAtLeast) == [true])
        }
    }

    // MARK: Occurrences

    private static func revision(_ uid: String, _ version: Int, _ count: Int) throws -> Event {
        try event([
            "id": "k8s:core:\(uid):\(version)", "metadata": ["count": count],
            "occurrences": 1000,
        ])
    }

    private static func occurrences(_ store: Store) async throws -> [String: Int64] {
        try await store.read { reader in
            var found: [String: Int64] = [:]
            try reader.page(try query([("limit", "1000")]), budget: .seconds(60)) { event in
                found[String(decoding: event[.id]!, as: UTF8.self)] = event.occurrences
                return true
            }
            return found
        }
    }

    @Test("A revision adds what it raises the count by", arguments: StoreKind.allCases)
    func growth(kind: StoreKind) async throws {
        let store = try Store(kind)
        let outcomes = try await store.append([
            Self.revision("a", 1, 3), Self.revision("a", 2, 4), Self.revision("b", 1, 1),
            Self.revision("a", 4, 10), Self.revision("a", 3, 6), Self.revision("a", 2, 4),
            event(["id": "k8s:core:a", "occurrences": 5, "metadata": ["count": 7]]),
            event(["id": "k8s:other:a:1", "metadata": ["count": 7]]),
            event(["id": "k8s:core:c:1", "metadata": ["series": ["count": 1], "count": 9]]),
            event(["id": "k8s:core:d:1"]),
        ])
        #expect(outcomes.map { $0.receipt?.occurrences } == [3, 1, 1, 6, 0, 1, 5, 1, 2, 1])
        #expect(outcomes[5].kind == "duplicate")
        #expect(
            try await Self.occurrences(store) == [
                "k8s:core:a:1": 3, "k8s:core:a:2": 1, "k8s:core:b:1": 1, "k8s:core:a:4": 6,
                "k8s:core:a:3": 0, "k8s:core:a": 5, "k8s:other:a:1": 1, "k8s:core:c:1": 2,
                "k8s:core:d:1": 1,
            ])
    }

    @Test(
        "What is deleted is not told by the next revision, but by itself when it comes again",
        arguments: StoreKind.allCases)
    func deleted(kind: StoreKind) async throws {
        let store = try Store(kind)
        func append(_ version: Int, _ count: Int) async throws -> Int64? {
            try await store.append([Self.revision("a", version, count)])[0].receipt?.occurrences
        }
        #expect(try await append(1, 3) == 3)
        #expect(try await store.delete("k8s:core:a:1"))
        #expect(try await append(2, 4) == 1)
        #expect(try await append(3, 7) == 3)
        #expect(try await store.delete("k8s:core:a:2"))
        #expect(try await store.delete("k8s:core:a:3"))
        #expect(try await append(4, 8) == 1)
        // In whatever order: all of it is there again.
        #expect(try await append(3, 7) == 7)
        #expect(try await append(1, 3) == 0)
        #expect(try await append(2, 4) == 0)
        #expect(try await Self.occurrences(store).values.reduce(0, +) == 8)
        // All or nothing leaves no trace.
        let outcomes = try await store.append(
            [Self.revision("a", 5, 50), event(["id": "k8s:core:a:1", "title": "x"])],
            allOrNothing: true)
        #expect(outcomes[1].kind == "conflict")
        #expect(try await append(6, 9) == 1)
    }

    @Test(
        "A revision in which nothing happened is a duplicate of the one before",
        arguments: StoreKind.allCases)
    func nothingHappened(kind: StoreKind) async throws {
        func revision(
            _ version: Int, _ object: [String: Any] = [:], _ fields: [String: Any] = [:]
        ) throws -> Event {
            let whole: [String: Any] = [
                "count": 3, "metadata": ["resourceVersion": "\(version)"], "type": "Warning",
            ]
            let event: [String: Any] = [
                "id": "k8s:core:a:\(version)", "created_at": "2026-11-30T01:10:00Z",
                "metadata": whole.merging(object) { $1 },
            ]
            return try TestSupport.event(event.merging(fields) { $1 })
        }
        let store = try Store(kind)
        let outcomes = try await store.append([
            revision(10), revision(99),
            revision(98, ["metadata": ["managedFields": ["a"], "resourceVersion": "98"]]),
            // Something is told: by the object, beside its metadata or elsewhere, or by the event.
            revision(21, ["type": "Normal"]), revision(22, ["more": 1]),
            revision(23, [:], ["title": "Other"]), revision(24, [:], ["severity": "error"]),
            revision(25, [:], ["created_at": "2026-11-30T01:11:00Z"]),
            revision(26, ["metadata": NSNull()]), revision(27, ["count": 4]),
            // Late, and the same under its own id or another one's.
            revision(97), revision(27, ["count": 4]), revision(10),
            revision(96, ["count": 4]), revision(10, [:], ["title": "Other"]),
            revision(28, [:], ["id": "k8s:core:b:28"]), revision(29, [:], ["id": "k8s:core:29"]),
        ])
        #expect(
            outcomes.map(\.kind) == [
                "stored", "duplicate", "duplicate", "stored", "stored", "stored", "stored",
                "stored", "duplicate", "stored", "duplicate", "duplicate", "duplicate",
                "duplicate", "conflict", "stored", "stored",
            ])
        for (later, earlier) in [(1, 0), (2, 0), (8, 0), (10, 0), (11, 9), (12, 0), (13, 9)] {
            #expect(outcomes[later].receipt == outcomes[earlier].receipt, "\(later)")
        }
        #expect(store.repository.statistics.tally.duplicates == 7)
        // It is stored where there is nothing that it repeats, and adds up to the same.
        #expect(try await store.delete("k8s:core:a:10"))
        #expect(try await store.append([revision(99)])[0].receipt?.occurrences == 3)
        // However many there are, the newest are looked at.
        let many = try (1000..<1100).map { try revision($0, [:], ["title": "\($0)"]) }
        #expect(try await store.append(many).map(\.kind) == many.map { _ in "stored" })
        let last = try await store.append([revision(1100, [:], ["title": "1099"])])
        #expect(last.map(\.kind) == ["duplicate"])
    }

    // MARK: Real events

    /// The revisions of `Tests/Data/kubernetes-revisions.ndjson`, as every way in reads them.
    private static func revisions() throws -> [Event] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Data/kubernetes-revisions.ndjson")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").flatMap {
            line in
            try EventFormats.readItem(Array(line.utf8), now: testMoment, IngestOptions())
        }.compactMap { item in if case .event(let event) = item { event } else { nil } }
    }

    private static func store(_ events: [Event], in store: Store) async throws {
        for start in stride(from: 0, to: events.count, by: 1000) {
            try await store.append(Array(events[start..<min(start + 1000, events.count)]))
        }
    }

    private static func expectWhole(_ store: Store) async throws {
        let (entries, total) = try await walk(store, [("limit", "1000")])
        #expect(entries.count == 2_156 && total == 2_156)
        #expect(entries.reduce(0) { $0 + $1.events } == 4_520)
        #expect(entries.reduce(0) { $0 + $1.occurrences } == 49_890)
        let asked = try StatisticsQuery(
            try query([("since", "2000-01-01T00:00:00Z")]), interval: "365d", by: nil,
            occurrences: "true", now: Timestamp(milliseconds: testMoment.milliseconds + 1)!)
        let sums = try await store.read { try $0.statistics(asked, budget: .seconds(60)).get() }
        #expect(sums.events.reduce(0, +) == 49_890)
    }

    @Test(
        "4,520 revisions of real events fold to 2,156 groups and tell of 49,890 occurrences, in any order, with deletions between, and after an export and an import",
        arguments: StoreKind.allCases, [1, 2])
    func real(kind: StoreKind, seed: UInt64) async throws {
        let revisions = try Self.revisions()
        #expect(revisions.count == 4_520)
        var generator = SeededGenerator(seed: seed)
        let store = try Store(kind)
        try await Self.store(
            seed == 1 ? revisions : revisions.shuffled(using: &generator), in: store)
        try await Self.expectWhole(store)

        // Some go, and all is imported again, in another order.
        for revision in revisions.shuffled(using: &generator).prefix(200) {
            #expect(try await store.delete(revision.text(.id) ?? ""))
        }
        let some = try query([("reason", "Pulled,FailedScheduling,BackOff"), ("limit", "1000")])
        #expect(await store.delete(some).deleted > 100)
        try await Self.store(revisions.shuffled(using: &generator), in: store)
        try await Self.expectWhole(store)

        // Another store computes the occurrences of exported events itself.
        var exported: [Event] = []
        var cursor: String?
        repeat {
            let page = try query([("limit", "1000")], cursor: cursor)
            let (found, next) = try await store.read { reader in
                var found: [String] = []
                var last: EventQuery.Position?
                var next: String?
                try reader.page(page, budget: .seconds(60)) { event in
                    guard found.count < page.limit else {
                        next = last.map { page.cursor(after: $0) }
                        return false
                    }
                    found.append(rendered(event))
                    last = EventQuery.Position(event)
                    return true
                }
                return (found, next)
            }
            for json in found {
                let fields = try JSONSerialization.jsonObject(with: Data(json.utf8))
                var known = try #require(fields as? [String: Any])
                for name in ["seq", "fold_key", "received_at"] { known[name] = nil }
                exported.append(try event(known.filter { !($0.value is NSNull) }))
            }
            cursor = next
        } while cursor != nil
        let other = try Store(kind)
        try await Self.store(exported, in: other)
        try await Self.expectWhole(other)
    }
}
