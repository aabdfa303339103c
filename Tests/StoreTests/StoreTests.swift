import EventStore
import Events
import Foundation
import Synchronization
import TestSupport
import Testing

/// The requirements on every store, through its seam alone.
@Suite("Every store")
struct StoreTests {
    private static let day: Int64 = 86_400_000

    // MARK: Writing

    @Test("Events get numbers and a time, and are stored once", arguments: StoreKind.allCases)
    func append(kind: StoreKind) async throws {
        let store = try Store(kind)
        let before = store.now.milliseconds
        let first = try await store.append([event(["id": "a"]), event(["id": "b"])])
        #expect(first.map(\.kind) == ["stored", "stored"])
        #expect(first.map { $0.receipt?.seq } == [1, 2])
        let now = before...store.now.milliseconds
        #expect(first.allSatisfy { now.contains($0.receipt?.receivedAt ?? 0) })
        let again = try await store.append([
            event(["id": "b"]), event(["id": "a", "title": "Another"]), event(["id": "c"]),
            event(["id": "c"]),
        ])
        #expect(again.map(\.kind) == ["duplicate", "conflict", "stored", "duplicate"])
        #expect(again.map { $0.receipt?.seq } == [2, nil, 3, 3])
        #expect(try await store.ids([("order", "asc")]) == ["a", "b", "c"])
    }

    @Test("All or nothing is either, and leaves no number out", arguments: StoreKind.allCases)
    func allOrNothing(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append([event(["id": "a"])])
        let outcomes = try await store.append(
            [event(["id": "b"]), event(["id": "a", "title": "Another"])], allOrNothing: true)
        #expect(outcomes.last?.kind == "conflict")
        #expect(try await store.ids([]) == ["a"])
        let next = try await store.append([event(["id": "c"])], allOrNothing: true)
        #expect(next[0].receipt?.seq == 2)
    }

    @Test(
        "Commits are counted before their replies and announced after them",
        arguments: StoreKind.allCases)
    func commits(kind: StoreKind) async throws {
        let store = try Store(kind)
        let before = store.repository.commits.count
        let told = AsyncStream<Int64>.makeStream()
        let commits = store.repository.commits
        commits.subscribe { told.continuation.yield(commits.lastSeq) }
        try await store.append([event(["id": "a"]), event(["id": "b"])])
        #expect(commits.count == before + 1)
        #expect(commits.lastSeq == 2)
        for await seq in told.stream where seq == 2 { break }
        _ = try await store.delete("b")
        #expect(commits.lastSeq == 2)
    }

    @Test("Figures tell what became of events", arguments: StoreKind.allCases)
    func figures(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append([event(["id": "a", "severity": "error"]), event(["id": "b"])])
        try await store.append([
            event(["id": "a", "severity": "error"]), event(["id": "b", "title": "x"]),
        ])
        _ = try await store.delete("a")
        let statistics = store.repository.statistics
        #expect(statistics.tally.stored(.operator, .error) == 1)
        #expect(statistics.tally.storedCount == 2)
        #expect(statistics.tally.duplicates == 1)
        #expect(statistics.tally.conflicts == 1)
        #expect(statistics.tally.deleted == 1)
        #expect(statistics.queued == (0, 0))
        #expect(statistics.commits == 3)
        #expect(store.repository.unwritableReason == nil)
        #expect(!store.repository.isDamaged && !store.repository.isUnreadable)
    }

    // MARK: Deleting

    @Test(
        "What is deleted is gone, and its number is not given again", arguments: StoreKind.allCases)
    func delete(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append([event(["id": "a"]), event(["id": "b"])])
        #expect(try await store.delete("b"))
        #expect(try await !store.delete("b"))
        #expect(try await store.append([event(["id": "b"])])[0].receipt?.seq == 3)
        #expect(try await store.ids([("order", "asc")]) == ["a", "b"])
    }

    @Test("A deletion by filter takes what matches, however much", arguments: StoreKind.allCases)
    func deleteByFilter(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append(
            (0..<2500).map { try event(["severity": $0 % 5 == 0 ? "error" : "info"]) })
        let infos = try query([("severity", "info"), ("limit", "1000")])
        let (deleted, error) = await store.delete(infos)
        #expect(deleted == 2000 && error == nil)
        #expect(try await store.read { try $0.count(try query([]), budget: .seconds(60)) } == 500)
        let reason = StoreError.unavailable("enough")
        let stopped = await store.delete(try query([("severity", "error")]), stopReason: { reason })
        #expect(stopped.deleted == 0 && stopped.error == reason)
    }

    // MARK: Reading

    @Test("Pages are in the order of time and number, each way", arguments: StoreKind.allCases)
    func pages(kind: StoreKind) async throws {
        let store = try Store(kind)
        let times = ["10:00", "08:00", "09:00", "09:00", "07:00"]
        try await store.append(
            times.enumerated().map {
                try event(["id": "e\($0)", "created_at": "2026-11-01T\($1):00Z"])
            })
        #expect(try await store.ids([("order", "asc")]) == ["e4", "e1", "e2", "e3", "e0"])
        #expect(try await store.ids([]) == ["e0", "e3", "e2", "e1", "e4"])
        // One more than the limit, which shows that there is another page.
        #expect(try await store.ids([("limit", "2")]) == ["e0", "e3", "e2"])
        #expect(try await store.ids([("offset", "3")]) == ["e1", "e4"])
        let position = try await store.read { reader in
            var last: EventQuery.Position?
            try reader.page(try query([("limit", "2")]), budget: .seconds(60)) { event in
                guard last == nil else { return false }
                last = EventQuery.Position(event)
                return true
            }
            return last
        }
        let cursor = try query([("limit", "2")]).cursor(after: try #require(position))
        let rest = try query([("limit", "2")], cursor: cursor)
        let next = try await store.read { reader in
            var ids: [String] = []
            try reader.page(rest, budget: .seconds(60)) {
                ids.append(String(decoding: $0[.id]!, as: UTF8.self))
                return true
            }
            return ids
        }
        #expect(next == ["e3", "e2", "e1"])
        #expect(
            try await store.ids([
                ("since", "2026-11-01T08:00:00Z"), ("until", "2026-11-01T09:00:00Z"),
            ])
                == ["e1"])
    }

    @Test("Filters, metadata and words", arguments: StoreKind.allCases)
    func filters(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append([
            event([
                "id": "a", "title": "Disk pressure on node-3", "object_kind": "Node",
                "object_name": "node-3", "cluster": "eu", "reason": "DiskPressure",
            ]),
            event([
                "id": "b", "severity": "error", "object_kind": "Pod", "object_name": "nginx-7",
                "metadata": ["zone": "eu-1a", "count": 3],
            ]),
            event(["id": "c", "event_type": "cluster", "severity": "critical"]),
        ])
        let asked: [([(String, String)], [String])] = [
            ([("severity", "error,critical")], ["c", "b"]),
            ([("severity_min", "error")], ["c", "b"]),
            ([("severity", "!info")], ["c", "b"]), ([("event_type", "clu*")], ["c"]),
            ([("object_kind", "Node"), ("object_name", "node-3")], ["a"]),
            ([("cluster", "eu")], ["a"]), ([("reason", "DiskPressure")], ["a"]),
            ([("metadata.zone", "eu-1a")], ["b"]), ([("metadata.count", "3")], ["b"]),
            ([("q", "disk")], ["a"]), ([("q", "\"pressure on\"")], ["a"]),
            ([("q", "nginx-7")], ["b"]),
            ([("q", "disk -pressure")], []), ([("q", "some*"), ("severity", "error")], ["b"]),
        ]
        for (parameters, expected) in asked {
            #expect(try await store.ids(parameters) == expected, "\(parameters)")
            let query = try query(parameters)
            let count = try await store.read { try $0.count(query, budget: .seconds(60)) }
            #expect(count == expected.count, "\(parameters)")
        }
    }

    @Test("One event by its id, with all it has", arguments: StoreKind.allCases)
    func get(kind: StoreKind) async throws {
        let store = try Store(kind)
        let stored = try event([
            "id": "a", "description": "", "metadata": ["ü": [1.5, NSNull()]], "occurrences": 7,
        ])
        let receipt = try #require(try await store.append([stored])[0].receipt)
        let found = try await store.read { reader in
            try Array("a".utf8).withUnsafeBytes { try reader.get(id: $0) { rendered($0) } }
        }
        #expect(found == rendered(stored, receipt))
        let none = try await store.read { reader in
            try Array("b".utf8).withUnsafeBytes { try reader.get(id: $0) { rendered($0) } }
        }
        #expect(none == nil)
    }

    @Test("Counts over time and by field", arguments: StoreKind.allCases)
    func statistics(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append(
            (0..<12).map {
                try event([
                    "severity": $0 < 4 ? "error" : "info", "occurrences": 2,
                    "created_at": "2026-11-23T0\($0 / 4):30:00Z",
                ])
            })
        let asked = try StatisticsQuery(
            try query([("since", "2026-11-23T00:00:00Z"), ("until", "2026-11-23T03:00:00Z")]),
            interval: "1h", by: "severity", occurrences: nil, now: testMoment)
        let found = try await store.read { try $0.statistics(asked, budget: .seconds(60)).get() }
        #expect(found.events == [4, 4, 4])
        #expect(found.totals[0].counts.map(\.value) == ["info", "error"])
        #expect(found.totals[0].counts.map(\.count) == [8, 4])
        #expect(found.series == [[0, 4], [4, 0], [4, 0]])
    }

    @Test(
        "Values that are too many to be counted in each bucket at once are counted, by words too",
        arguments: StoreKind.allCases)
    func manyValues(kind: StoreKind) async throws {
        let store = try Store(kind)
        // The last twenty have several events each, all in one minute.
        for first in stride(from: 0, to: 400, by: 100) {
            try await store.append(
                (first + 1...first + 100).flatMap { value in
                    try (0..<(value > 380 ? value - 379 : 1)).map { _ in
                        try event([
                            "object_name": "n\(value)",
                            "created_at": "2026-11-22T10:1\(value % 3):00Z",
                        ])
                    }
                })
        }
        for filter in [[], [("q", "something")]] {
            let range = [("since", "2026-11-22T10:10:00Z"), ("until", "2026-11-23T10:10:00Z")]
            let asked = try StatisticsQuery(
                try query(range + filter), interval: "1m", by: "object_name", occurrences: nil,
                now: testMoment)
            let found = try await store.read { reader in
                try reader.statistics(asked, budget: .seconds(60)).get()
            }
            let counts = try #require(found.totals.first).counts
            #expect(counts.map(\.count) == (2...21).reversed())
            #expect(counts.map(\.value) == (381...400).reversed().map { "n\($0)" })
            for (place, entry) in counts.enumerated() {
                let series = found.series.map { $0[place] }
                #expect(series.reduce(0, +) == entry.count)
                #expect(series[(379 + entry.count) % 3] == entry.count)
            }
        }
    }

    @Test(
        "Following is in the order of seq, and knows of removed events",
        arguments: StoreKind.allCases)
    func follow(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append(
            (1...6).map { try event(["id": "\($0)", "severity": $0 == 3 ? "error" : "info"]) })
        for id in ["2", "3", "6"] { #expect(try await store.delete(id)) }
        let all = try await store.read { reader in
            var seqs: [Int64] = []
            try reader.follow(.all, 1...6, budget: .seconds(60)) {
                seqs.append($0.seq)
                return true
            }
            return seqs
        }
        #expect(all == [1, 4, 5])
        func range(_ position: Int64, _ parameters: [(String, String)] = []) async throws
            -> StreamRange
        {
            let filter = StreamFilter(try query(parameters))
            var range = try await store.read { try $0.streamRange(after: position, for: filter) }
            range.epoch = nil
            return range
        }
        #expect(
            try await range(1) == StreamRange(last: 6, oldest: 1, next: 4, removed: 6))
        #expect(
            try await range(5, [("severity", "error")])
                == StreamRange(last: 6, oldest: 1, next: nil, removed: 3))
    }

    @Test(
        "A canceled read, or one that is out of time, ends with that error",
        arguments: StoreKind.allCases)
    func requests(kind: StoreKind) async throws {
        let store = try Store(kind)
        let cancelled = ReadRequest(client: 1, limit: .seconds(60))
        cancelled.cancel()
        await #expect(throws: StoreError.cancelled) {
            try await store.read(cancelled) { try $0.count(try query([]), budget: .seconds(60)) }
        }
        await #expect(throws: StoreError.timeLimit) {
            try await store.read(ReadRequest(client: 1, limit: .zero)) {
                try $0.count(try query([]), budget: .seconds(60))
            }
        }
    }

    @Test(
        "A store that answers at once sees each commit that was told", arguments: StoreKind.allCases
    )
    func local(kind: StoreKind) async throws {
        let store = try Store(kind)
        guard let reader = try store.repository.makeLocalReader() else { return }
        for number in 1...3 {
            try await store.append([event()])
            try reader.holdSnapshot(atLeast: store.repository.commits.count)
            #expect(try reader.count(try query([]), budget: .seconds(60)) == number)
            reader.endSnapshot()
        }
    }

    // MARK: Keeping

    @Test("Ages count from when events were received", arguments: StoreKind.allCases)
    func retention(kind: StoreKind) async throws {
        var retention = Retention()
        retention.ages = [.info: .seconds(7 * 86_400)]
        retention.interval = .milliseconds(1)
        let store = try Store(kind, retention: retention)
        var old: [Event] = []
        for (id, days) in [("old", 8), ("young", 6)] as [(String, Int64)] {
            let time = Timestamp(milliseconds: store.now.milliseconds - days * Self.day)!
            old.append(try event(["id": id, "received_at": time.text], keepsReceivedAt: true))
        }
        try await store.append(old + [event(["id": "dump", "created_at": "1999-01-01T00:00:00Z"])])
        // Each commit gives retention a turn. Only its figure shows its progress.
        var next = 0
        while store.repository.statistics.removedByAge == 0, next < 10_000 {
            try await store.append([event(["id": "n\(next)", "severity": "error"])])
            next += 1
        }
        #expect(store.repository.statistics.removedByAge == 1)
        #expect(Set(try await store.ids([("severity", "info")])) == ["young", "dump"])
    }

    // MARK: For Kubernetes' clients

    @Test("The last of the events whose ids begin alike is found", arguments: StoreKind.allCases)
    func lastSeqs(kind: StoreKind) async throws {
        let store = try Store(kind)
        let day = "2026-11-2"
        try await store.append([
            event(["id": "k:a:1", "created_at": "\(day)1T00:00:00Z"]),
            event(["id": "k:b:1", "created_at": "\(day)1T00:00:00Z"]),
            event(["id": "k:a:2", "created_at": "\(day)2T00:00:00Z"]),
            event(["id": "k:a", "created_at": "\(day)1T00:00:00Z"]),
            event(["id": "k:aa:1", "created_at": "\(day)1T00:00:00Z"]),
            event(["id": "k:a:3", "created_at": "\(day)3T00:00:00Z"]),
        ])
        let prefixes = ["k:a:", "k:b:", "k:c:", "k:aa"].map { Array($0.utf8) }
        func found(_ last: Int64, before until: String?) async throws -> [Int64] {
            try await store.read { reader in
                try reader.lastSeqs(ofIDs: prefixes, upTo: last, before: until)
            }
        }
        #expect(try await found(100, before: nil) == [6, 2, 0, 5])
        #expect(try await found(5, before: nil) == [3, 2, 0, 5])
        #expect(try await found(100, before: "\(day)2T00:00:00.000Z") == [1, 2, 0, 5])
        #expect(try await store.read { try $0.lastSeqs(ofIDs: [], upTo: 9, before: nil) } == [])
    }

    @Test("The namespaces of objects are found, each once", arguments: StoreKind.allCases)
    func namespaces(kind: StoreKind) async throws {
        let store = try Store(kind)
        #expect(try await store.read { try $0.namespaces(limit: 9) } == [])
        func about(_ kind: String?, _ namespace: String?, _ name: String) throws -> Event {
            let fields = ["object_kind": kind, "object_namespace": namespace, "object_name": name]
            return try event(fields.compactMapValues { $0 })
        }
        try await store.append([
            about("Pod", "shop", "a"), about("Pod", "shop", "b"), about("Node", nil, "n"),
            about("Pod", "kube-system", "c"), about("Job", "batch", "d"), about("Job", "shop", "e"),
            about(nil, nil, "f"), about("Pod", "ß", "g"), about("Pod", nil, "h"),
        ])
        #expect(
            try await store.read { try $0.namespaces(limit: 9) }
                == ["batch", "kube-system", "shop", "ß"])
        #expect(try await store.read { try $0.namespaces(limit: 2).count } == 2)
    }

    // MARK: Sources

    @Test("A source is known by when it had brought everything", arguments: StoreKind.allCases)
    func observed(kind: StoreKind) async throws {
        let store = try Store(kind)
        let day = Self.day
        func note(_ source: String, _ days: Int64) async throws {
            let moment = Timestamp(milliseconds: testMoment.milliseconds + days * day)!
            try await withCheckedContinuation { continuation in
                store.repository.noteObserved(source, upTo: moment) {
                    continuation.resume(returning: $0)
                }
            }.get()
        }
        #expect(try await store.read { try $0.observedAt(source: "a") } == nil)
        try await note("a", 0)
        try await note("b", 1)
        // A clock may have been set back.
        for days in [3, 2] as [Int64] { try await note("a", days) }
        let days = try await store.read { reader in
            try ["a", "b"].map { source in
                let moment = try #require(try reader.observedAt(source: source))
                return (moment.milliseconds - testMoment.milliseconds) / day
            }
        }
        #expect(days == [2, 1])
    }

    // MARK: Service

    @Test("The schema tells its versions", arguments: StoreKind.allCases)
    func schema(kind: StoreKind) async throws {
        let store = try Store(kind)
        let state = store.repository.schemaState
        #expect(state.status == .ready && state.version == state.latest)
        let schema = try await store.read { try $0.describeSchema() }
        #expect(schema.migrations.last?.version == Int64(state.latest))
        #expect(schema.tables.contains { $0.name == "events" })
        #expect(!schema.engine.isEmpty)
    }

    @Test(
        "A copy is whole, and read from any place, or there is none", arguments: StoreKind.allCases)
    func backup(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append([event()])
        let result = await withCheckedContinuation { continuation in
            store.repository.backUp(for: 1) { continuation.resume(returning: $0) }
        }
        guard kind.makesCopies else {
            let error = #expect(throws: StoreError.self) { try result.get() }
            #expect(error == .unsupported("PostgreSQL has backups of its own"))
            return
        }
        let copy = try result.get()
        let all = try #require(copy.read(at: 0, Int(copy.bytes) + 1))
        #expect(all.count == Int(copy.bytes) && !all.isEmpty)
        #expect(copy.read(at: 10, 20) == Array(all[10..<30]))
        #expect(copy.read(at: copy.bytes, 1) == [])
    }

    @Test("What is closed says so", arguments: StoreKind.allCases)
    func closed(kind: StoreKind) async throws {
        let store = try Store(kind)
        try await store.append([event()])
        store.repository.close()
        await #expect(throws: StoreError.unavailable("the service is shutting down")) {
            try await store.append([event()])
        }
        let (_, error) = await store.delete(try query([("severity", "info")]))
        #expect(error == .unavailable("the service is shutting down"))
    }
}
