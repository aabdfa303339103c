import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Statistics")
struct StatisticsTests {
    @Test("Queued events are counted while they wait, and so are refusals")
    func queue() async throws {
        let store = try TestStore(configure: { $0.queuedEvents = 3 })
        let replies = Replies()
        let block = WriterBlock(store.repository)
        let events = try [event(), event(["title": "Another"])]
        replies.append(store.repository, "two", events)
        var statistics = store.repository.statistics
        #expect(statistics.queued.events == 2)
        #expect(statistics.queued.bytes == events[0].byteCount + events[1].byteCount)
        replies.append(store.repository, "full", events)
        #expect(store.repository.statistics.queueRefusals == 1)
        block.release()
        _ = try await store.repository.append([]).get()
        statistics = store.repository.statistics
        #expect(statistics.queued == (0, 0))
        #expect(statistics.tally.storedCount == 2)
    }

    @Test("Of a rollback only the conflict is counted")
    func rolledBack() async throws {
        let store = try TestStore()
        _ = try await store.repository.append([event(["id": "x"])]).get()
        let events = try [
            event(["event_type": "health"]), event(["id": "x"]),
            event(["id": "x", "title": "Other"]),
        ]
        _ = try await store.repository.append(events, allOrNothing: true).get()
        var tally = store.repository.statistics.tally
        #expect(tally.stored(.health, .info) == 0)
        #expect(tally.storedCount == 1)
        #expect((tally.duplicates, tally.conflicts) == (0, 1))
        #expect(store.repository.commits.lastSeq == 1)
        _ = try await store.repository.append(events).get()
        tally = store.repository.statistics.tally
        #expect(tally.stored(.health, .info) == 1)
        #expect((tally.duplicates, tally.conflicts) == (1, 2))
    }

    @Test(
        "Types that the contract does not name are one",
        arguments: [
            ("cluster", EventType.cluster), ("operator", .operator), ("insight", .insight),
            ("assessment", .assessment), ("health", .health), ("system", .system), ("healthy", nil),
            ("insighs", nil), ("x", nil),
        ])
    func types(_ text: String, _ type: EventType?) async throws {
        let store = try TestStore()
        for severity in Severity.allCases {
            let new = try event(["event_type": text, "severity": severity.rawValue])
            _ = try await store.repository.append([new]).get()
            let tally = store.repository.statistics.tally
            #expect(tally.stored(type, severity) == 1)
        }
        #expect(store.repository.statistics.tally.storedCount == Severity.allCases.count)
    }

    @Test("Events that are not in the search index are counted until they are")
    func searchLag() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        let connection = try Connection(path, .readWrite)
        let figures = StoreFigures()
        let search = try SearchIndex(connection)
        let maker = try DocumentMaker(path: path)
        let job = IndexingJob(
            connection, search, maker, try makeRoom(connection, search, path), figures: figures)
        let statements = try EventStatements(connection, search)
        for _ in 1...3 { _ = try statements.append(try event()) }
        _ = try job.runSlice()
        #expect(figures.currentOwn.searchLag == 3)
        // Nothing has arrived since, so it is idle; a few are not worth a slice.
        _ = try job.runSlice()
        maker.work.wait()
        _ = try job.runSlice()
        #expect(figures.currentOwn.searchLag == 0)
    }

    @Test("A distribution counts each value at the least bound that holds it")
    func distribution() {
        var sizes = Distribution.sizes
        #expect(sizes.bounds == [0, 1, 4, 16, 64, 256, 1024, 4096])
        for value in [0, 1, 4, 5, 4096, 4097, 1_000_000] { sizes.note(value) }
        #expect(sizes.counts == [1, 1, 1, 1, 0, 0, 0, 1, 2])
        #expect(sizes.sum == 0 + 1 + 4 + 5 + 4096 + 4097 + 1_000_000)
    }
}
