import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// The life of events; for the queue and its failures see `EventWriterTests`.
@Suite("SQLiteRepository")
struct EventRepositoryTests {
    // MARK: Appending

    @Test("A stored event is returned in every field, with the seq of the reply")
    func append() async throws {
        let store = try TestStore()
        let events = try [
            event(["id": "small"]),
            event([
                "id": "full", "event_type": "my.type", "severity": "critical",
                "title": "é 😀 \u{0}\n",
                "description": String(repeating: "d", count: 65_536), "object_kind": "",
                "object_namespace": "ns", "object_name": "\u{0}", "metadata": ["a": ["b": 1.5]],
                "created_at": "2001-02-03T04:05:06.789+01:00", "cluster": "eu-1",
                "reason": "BackOff", "occurrences": 2_147_483_647,
            ]),
            event(["title": "made id"]),
        ]
        let outcomes = try await store.repository.append(events).get()
        #expect(outcomes.map(\.kind) == ["stored", "stored", "stored"])
        #expect(outcomes.map(\.seq) == [1, 2, 3])
        let reader = try store.repository.makeReader()
        for (event, outcome) in zip(events, outcomes) {
            let id = try #require(event.text(.id))
            #expect(try reader.json(id) == rendered(event, try #require(outcome.receipt)))
        }
        #expect(try reader.allSeqs() == [2, 1, 3])
    }

    @Test("No events means no work and an answer")
    func none() async throws {
        let store = try TestStore()
        #expect(try await store.repository.append([]).get().isEmpty)
        #expect(try await store.repository.append([], allOrNothing: true).get().isEmpty)
    }

    @Test("The same event again is a duplicate, answered with the stored event")
    func duplicate() async throws {
        let store = try TestStore()
        let first = try event(["id": "x", "metadata": ["a": 1]])
        _ = try await store.repository.append([try event(), first]).get()
        let again = try event(["id": "x", "metadata": ["a": 1]])
        for _ in 1...2 {
            let outcome = try await store.repository.append([again]).get()[0]
            guard case .duplicate(let stored, let receipt) = outcome else {
                Issue.record("\(outcome) is no duplicate")
                return
            }
            #expect(receipt.seq == 2)
            #expect(rendered(stored, receipt) == rendered(first, receipt))
        }
        #expect(try store.repository.makeReader().allSeqs() == [1, 2])
    }

    @Test("The same id with other content is a conflict, and changes nothing")
    func conflict() async throws {
        let store = try TestStore()
        let first = try event(["id": "x"])
        _ = await store.repository.append([first])
        let other = try event(["id": "x", "title": "Other"])
        let outcomes = try await store.repository.append([try event(), other, try event()]).get()
        #expect(outcomes.map(\.kind) == ["stored", "conflict", "stored"])
        let reader = try store.repository.makeReader()
        let receipt = try #require(try reader.receipt("x"))
        #expect(receipt.seq == 1)
        #expect(try reader.json("x") == rendered(first, receipt))
        #expect(try reader.allSeqs().count == 3)
    }

    @Test("Within one request the first of an id is stored, and the next ones are compared with it")
    func sameIDTwice() async throws {
        let store = try TestStore()
        let events = try [
            event(["id": "x"]), event(["id": "x"]), event(["id": "x", "title": "Other"]),
        ]
        let outcomes = try await store.repository.append(events).get()
        #expect(outcomes.map(\.kind) == ["stored", "duplicate", "conflict"])
        #expect(outcomes[1].seq == outcomes[0].seq)
        #expect(try store.repository.makeReader().allSeqs().count == 1)
    }

    @Test("All or nothing: a conflict stores none, a duplicate is not a conflict")
    func allOrNothing() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event(["id": "x"])])
        let other = try event(["id": "x", "title": "Other"])
        let refused = try await store.repository.append(
            [try event(["id": "a"]), other, try event(["id": "b"])], allOrNothing: true
        ).get()
        #expect(refused[1].kind == "conflict")
        let reader = try store.repository.makeReader()
        #expect(try reader.allSeqs() == [1])
        #expect(try reader.json("a") == nil)

        let taken = try await store.repository.append(
            [try event(["id": "a"]), try event(["id": "x"]), try event(["id": "b"])],
            allOrNothing: true
        ).get()
        #expect(taken.map(\.kind) == ["stored", "duplicate", "stored"])
        #expect(try reader.json("a") != nil)
        #expect(try reader.json("b") != nil)
        #expect(try reader.allSeqs().count == 3)
    }

    @Test("What an all-or-nothing request takes back leaves its neighbours in the commit alone")
    func neighbours() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event(["id": "x"])])
        let other = try event(["id": "x", "title": "Other"])
        let replies = Replies()
        let block = WriterBlock(store.repository)
        replies.append(store.repository, "before", [try event(["id": "before"])])
        replies.append(
            store.repository, "all", [try event(["id": "a"]), other], allOrNothing: true)
        replies.append(
            store.repository, "all", [other, try event(["id": "c"])], allOrNothing: true)
        let after = try event(["id": "a", "title": "After"])
        replies.append(store.repository, "after", [after])
        block.release()
        await replies.wait()
        #expect(replies.all.first == "before: stored")
        #expect(replies.all[1].hasSuffix(" conflict"))
        #expect(replies.all[2].hasPrefix("all: conflict"))
        #expect(replies.all.last == "after: stored")
        let reader = try store.repository.makeReader()
        let seqs = try reader.allSeqs()
        #expect(seqs.count == 3)
        #expect(try reader.json("before") != nil)
        let receipt = try #require(try reader.receipt("a"))
        #expect(receipt.seq == seqs.last)
        #expect(try reader.json("a") == rendered(after, receipt))
        #expect(try reader.json("c") == nil)
    }

    // MARK: Deleting

    @Test("Deleting reports if there was one; its seq is not reused")
    func delete() async throws {
        let store = try TestStore()
        _ = await store.repository.append(try ["a", "b", "c"].map { try event(["id": $0]) })
        #expect(try await store.repository.delete("c").get())
        #expect(try await !store.repository.delete("c").get())
        #expect(try await !store.repository.delete("").get())
        #expect(try await !store.repository.delete("A").get())
        let reader = try store.repository.makeReader()
        #expect(try reader.allSeqs() == [1, 2])
        #expect(try await store.repository.append([try event(["id": "c"])]).get()[0].seq == 4)
        #expect(try await store.repository.delete("c").get())
        let path = store.path
        store.repository.close()
        let again = SQLiteRepository(
            StoreConfiguration(path: path), logger: store.log.logger, now: { testMoment })
        try again.open()
        #expect(try await again.append([try event(["id": "d"])]).get()[0].seq == 5)
        again.close()
    }

    // MARK: Many at once

    @Test("Appends from many threads are all stored once, their numbers unique and rising")
    func concurrent() async throws {
        let store = try TestStore()
        let repository = store.repository
        let seqs = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for client in 0..<16 {
                group.addTask {
                    var seqs: [Int64] = []
                    for request in 0..<40 {
                        let events = try (0...(request % 4)).map { index in
                            try event(["id": "\(client)-\(request)-\(index)"])
                        }
                        seqs += try await repository.append(events).get().compactMap { outcome in
                            outcome.kind == "stored" ? outcome.seq : nil
                        }
                    }
                    return seqs
                }
            }
            return try await group.reduce(into: [[Int64]]()) { $0.append($1) }
        }
        let each = (0..<40).reduce(0) { $0 + $1 % 4 + 1 }
        #expect(seqs.map(\.count) == Array(repeating: each, count: 16))
        for client in seqs {
            #expect(zip(client, client.dropFirst()).allSatisfy { $0 < $1 })
        }
        let all = seqs.flatMap(\.self)
        #expect(Set(all).count == all.count)
        #expect(
            try rows(store.path, "SELECT count(*), count(DISTINCT id) FROM events")
                == ["\(16 * each)|\(16 * each)"])
        #expect(try rows(store.path, "SELECT seq FROM events ORDER BY seq").count == all.count)
        #expect(
            Set(try rows(store.path, "SELECT seq FROM events").compactMap(Int64.init)) == Set(all))
    }

    @Test("Of many who send the same, one stores it")
    func concurrentDuplicates() async throws {
        let store = try TestStore()
        let repository = store.repository
        let kinds = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    try await repository.append([try event(["id": "x"])]).get()[0].kind
                }
            }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(kinds == ["stored": 1, "duplicate": 63])
    }

    // MARK: Opening and closing

    @Test("A store that is not open is unavailable, and says why")
    func notOpen() async throws {
        let folder = try TemporaryFolder()
        let repository = SQLiteRepository(
            StoreConfiguration(path: folder.file("events.db")), logger: LogRecorder().logger,
            now: { testMoment })
        #expect(
            repository.schemaState
                == SchemaState(version: 0, latest: Migration.latest, status: .migrating))
        #expect(repository.unwritableReason == nil)
        await Self.expectUnavailable(repository)
        #expect(throws: StoreError.self) { try repository.makeReader() }
        try repository.open()
        #expect(
            repository.schemaState
                == SchemaState(version: Migration.latest, latest: Migration.latest, status: .ready))
        #expect(try await repository.append([try event()]).get().count == 1)
        repository.close()
        await Self.expectUnavailable(repository)
        let closed = StoreError.unavailable("the service is shutting down")
        #expect(throws: closed) { try repository.makeReader() }
    }

    private static func expectUnavailable(_ repository: SQLiteRepository) async {
        let appended = await repository.append([])
        guard case .failure(.unavailable) = appended else {
            Issue.record("appending: \(appended)")
            return
        }
        let deleted = await repository.delete("x")
        guard case .failure(.unavailable) = deleted else {
            Issue.record("deleting: \(deleted)")
            return
        }
    }

    @Test("A second store over the same file is refused while the first is open")
    func second() throws {
        let store = try TestStore()
        let other = SQLiteRepository(
            StoreConfiguration(path: store.path), logger: LogRecorder().logger,
            now: { testMoment })
        let error = #expect(throws: SchemaError.self) { try other.open() }
        #expect(error?.message.contains("is in use by process") == true)
        store.repository.close()
        try other.open()
        other.close()
    }

    @Test("Closing leaves the file whole: no WAL, nothing but the lock beside it")
    func close() async throws {
        let store = try TestStore()
        for index in 0..<50 { _ = await store.repository.append([try event(["id": "\(index)"])]) }
        #expect(store.repository.fileSizes.wal > 0)
        #expect(store.repository.fileSizes.database > 0)
        store.repository.close()
        store.repository.close()
        #expect(try store.folder.names() == ["events.db", "events.db.lock", "events.db.reserve"])
        #expect(store.repository.fileSizes.wal == 0)
        let count = "SELECT count(*) FROM events"
        #expect(try rows(store.path, count, mode: .immutable) == ["50"])
        #expect(try rows(store.path, "PRAGMA integrity_check", mode: .immutable) == ["ok"])
    }

    @Test("The file is opened as the rules for SQLite have it")
    func pragmas() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event()])
        #expect(try rows(store.path, "PRAGMA journal_mode") == ["wal"])
        #expect(try rows(store.path, "PRAGMA auto_vacuum") == ["2"])
        #expect(SQLiteRepository.sqliteVersion == Connection.libraryVersion)
    }

    @Test("A version 1 file is migrated, copied before, and in service")
    func migrates() async throws {
        let store = try TestStore(
            make: { try makeVersion1($0, events: 20) },
            configure: { $0.backsUpBeforeMigration = true })
        #expect(
            store.repository.schemaState
                == SchemaState(version: Migration.latest, latest: Migration.latest, status: .ready))
        #expect(try store.folder.names().contains("events.db.v1.bak"))
        #expect(try store.repository.makeReader().allSeqs() == Array(1...20))
        #expect(try await store.repository.append([try event()]).get()[0].seq == 21)
        let page = try query([("limit", "1")])
        var newest: [Int64] = []
        try store.repository.makeReader().page(page, budget: .seconds(1)) { view in
            newest.append(view.seq)
            return true
        }
        #expect(newest == [21, 20])
    }
}
