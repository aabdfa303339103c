import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Snapshots that reads share")
struct SnapshotTests {
    private let folder: TemporaryFolder
    private let repository: SQLiteRepository

    init() throws {
        folder = try TemporaryFolder()
        repository = SQLiteRepository(
            StoreConfiguration(path: folder.file("events.db")), logger: LogRecorder().logger,
            now: { testMoment })
        try repository.open()
    }

    private func stored(_ id: String) async throws {
        _ = try await repository.append([event(["id": id])]).get()
    }

    @Test("Whoever was told of a commit sees it, whatever snapshot was held before")
    func renewed() async throws {
        let reader = try repository.makeReader()
        for number in 0..<50 {
            let before = repository.commits.count
            try reader.holdSnapshot(atLeast: before)
            #expect(try reader.json("e\(number)") == nil)
            try await stored("e\(number)")
            #expect(repository.commits.count > before)
            try reader.holdSnapshot(atLeast: before)
            #expect(try reader.json("e\(number)") == nil, "the snapshot is the one that was held")
            try reader.holdSnapshot(atLeast: repository.commits.count)
            #expect(try reader.json("e\(number)") != nil)
        }
        reader.endSnapshot()
        reader.endSnapshot()
        repository.close()
    }

    @Test("One that has ended keeps no WAL; one that is held does")
    func released() async throws {
        let reader = try repository.makeReader()
        try await stored("a")
        try reader.holdSnapshot(atLeast: repository.commits.count)
        #expect(try reader.json("a") != nil)
        try await stored("b")
        let checkpointer = try Connection(folder.file("events.db"), .readWrite)
        // It learns of the WAL only by reading.
        #expect(try checkpointer.integer("SELECT count(*) FROM events") == 2)
        #expect(throws: SQLiteError.self) { try checkpointer.checkpoint(.truncate) }
        reader.endSnapshot()
        #expect(try checkpointer.checkpoint(.truncate).pages == 0)
        repository.close()
    }

    @Test("A held one counts as an open read, even between reads, and can be told to end")
    func counted() async throws {
        let reads = OpenReads()
        let reader = try SQLiteReader(
            path: folder.file("events.db"), logger: LogRecorder().logger, reads: reads)
        #expect(reads.oldestAge == .zero)
        try await stored("a")
        try reader.holdSnapshot(atLeast: 1)
        #expect(try reader.json("a") != nil)
        #expect(reads.oldestAge > .zero)
        #expect(reads.stop(olderThan: .zero) == 1)
        try await stored("b")
        try reader.holdSnapshot(atLeast: 1)
        #expect(try reader.json("b") != nil, "it was told to end, so there is a new one")
        reader.endSnapshot()
        #expect(reads.oldestAge == .zero)
        repository.close()
    }

    @Test("A snapshot for counting is an open read until the count is done")
    func counting() async throws {
        let reads = OpenReads()
        let reader = try SQLiteReader(
            path: folder.file("events.db"), logger: LogRecorder().logger, reads: reads)
        try await stored("a")
        try reader.takeSnapshot()
        try await stored("b")
        #expect(reads.oldestAge > .zero)
        #expect(try reader.countSnapshot() == 1)
        #expect(reads.oldestAge == .zero)
        repository.close()
    }

    @Test("A query that is stopped leaves the snapshot as it was")
    func interrupted() async throws {
        let reader = try repository.makeReader()
        _ = try await repository.append((0..<3000).map { try event(["id": "e\($0)"]) }).get()
        try reader.holdSnapshot(atLeast: repository.commits.count)
        #expect(throws: StoreError.self) {
            try reader.page(query([("limit", "1000")]), budget: .zero) { _ in true }
        }
        #expect(try reader.json("e1") != nil)
        reader.endSnapshot()
        repository.close()
    }
}
