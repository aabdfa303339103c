import Dispatch
import Events
import Foundation
import Logging
import SQLite
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("EventWriter")
struct EventWriterTests {
    // MARK: Replies

    @Test("At the time of the reply another connection sees the event")
    func repliesAfterCommit() async throws {
        let store = try TestStore()
        let path = store.path
        for index in 0..<50 {
            let new = try event(["id": "e\(index)"])
            let seen = await withCheckedContinuation { continuation in
                store.repository.append([new]) { _ in
                    let sql = "SELECT 1 FROM events WHERE id = 'e\(index)'"
                    continuation.resume(returning: Result { try rows(path, sql) })
                }
            }
            #expect(try seen.get() == ["1"])
        }
        let gone = await withCheckedContinuation { continuation in
            store.repository.delete(id: Array("e7".utf8)) { _ in
                let sql = "SELECT 1 FROM events WHERE id = 'e7'"
                continuation.resume(returning: Result { try rows(path, sql) })
            }
        }
        #expect(try gone.get() == [])
    }

    @Test("What is acknowledged survives the process being killed")
    func survivesKill() async throws {
        let store = try TestStore()
        for index in 0..<30 {
            _ = try await store.repository.append([try event(["id": "e\(index)"])]).get()
            guard index % 10 == 9 else { continue }
            // The file and its WAL as they are on disk now.
            let copy = store.folder.file("copy\(index).db")
            try FileManager.default.copyItem(atPath: store.path, toPath: copy)
            try FileManager.default.copyItem(atPath: store.path + "-wal", toPath: copy + "-wal")
            let wanted = (0...index).map { "e\($0)" }
            #expect(try rows(copy, "SELECT id FROM events ORDER BY seq") == wanted)
        }
    }

    @Test("What waits is committed together, answered in order, and then announced once")
    func groupCommit() async throws {
        let replies = Replies()
        let announced = Mutex<[Int]>([])
        let store = try TestStore(tellOfCommits: {
            announced.withLock { $0.append(replies.all.count) }
        })
        let block = WriterBlock(store.repository)
        for index in 0..<10 {
            replies.append(store.repository, "\(index)", [try event(["id": "\(index)"])])
        }
        replies.delete(store.repository, "delete", "3")
        replies.append(store.repository, "again", [try event(["id": "3"])])
        #expect(replies.all == [])
        block.release()
        await replies.wait()
        #expect(
            replies.all == (0..<10).map { "\($0): stored" }
                + ["delete: success(true)", "again: stored"])
        store.repository.close()
        // Once for the work that held the writer, once for all the rest.
        #expect(announced.withLock { $0 } == [0, 12])
    }

    @Test("Many events are committed in pieces, so that the first need not wait for the last")
    func pieces() async throws {
        let announced = Mutex(0)
        let store = try TestStore(tellOfCommits: { announced.withLock { $0 += 1 } })
        let replies = Replies()
        let block = WriterBlock(store.repository)
        for request in 0..<3 {
            let events = try (0..<4096).map { try event(["id": "\(request)-\($0)"]) }
            replies.append(store.repository, "\(request)", events)
        }
        block.release()
        await replies.wait()
        store.repository.close()
        #expect(announced.withLock { $0 } == 4)
        #expect(try rows(store.path, "SELECT count(*) FROM events") == ["12288"])
    }

    // MARK: The queue

    @Test("One event more than may wait is refused at once; what waits is stored")
    func eventBound() async throws {
        let store = try TestStore(configure: { $0.queuedEvents = 10 })
        let full = #"full: unavailable("too many events wait to be written")"#
        let replies = Replies()
        let block = WriterBlock(store.repository)
        replies.append(store.repository, "nine", try (0..<9).map { _ in try event() })
        replies.append(store.repository, "full", try (0..<2).map { _ in try event() })
        #expect(replies.all == [full])
        replies.append(store.repository, "tenth", [try event()])
        replies.append(store.repository, "full", [try event()])
        replies.delete(store.repository, "delete", "x")
        #expect(replies.all.count == 3)
        #expect(replies.all[1] == full)
        #expect(
            replies.all[2] == "delete: failure(EventStore.StoreError"
                + #".unavailable("too many events wait to be written"))"#)
        block.release()
        await replies.wait()
        #expect(
            replies.all.dropFirst(3).map { $0.prefix(5) } == ["nine:", "tenth"])
        let reader = try store.repository.makeReader()
        #expect(try reader.allSeqs().count == 10)
        // There is space again.
        #expect(try await store.repository.append([try event()]).get().count == 1)
    }

    @Test("One byte more than may wait is refused")
    func byteBound() async throws {
        let one = try event(["id": "a", "created_at": "2026-01-01T00:00:00Z"])
        let bytes = one.byteCount
        let store = try TestStore(configure: { $0.queuedBytes = 3 * bytes })
        let replies = Replies()
        let block = WriterBlock(store.repository)
        for id in ["a", "b", "c"] {
            replies.append(
                store.repository, id,
                [try event(["id": id, "created_at": "2026-01-01T00:00:00Z"])])
        }
        #expect(replies.all == [])
        replies.delete(store.repository, "one byte", "x")
        #expect(replies.all.count == 1)
        block.release()
        await replies.wait()
        #expect(replies.all.dropFirst().elementsEqual(["a: stored", "b: stored", "c: stored"]))
    }

    @Test("A request beyond the bound itself gets its turn when nothing else waits")
    func largeRequest() async throws {
        let store = try TestStore(configure: {
            $0.queuedEvents = 3
            $0.queuedBytes = 10
        })
        for _ in 1...3 {
            let outcomes = try await store.repository.append((0..<20).map { _ in try event() })
                .get()
            #expect(outcomes.count == 20)
        }
    }

    @Test("Events queued when the store is closed are stored; later ones are refused")
    func closing() async throws {
        let store = try TestStore()
        let repository = store.repository
        let replies = Replies()
        let block = WriterBlock(repository)
        for index in 0..<20 { replies.append(repository, "\(index)", [try event()]) }
        let closed = DispatchGroup()
        DispatchQueue.global().async(group: closed) { repository.close() }
        block.release()
        await replies.wait()
        await withCheckedContinuation { continuation in
            closed.notify(queue: .global()) { continuation.resume() }
        }
        #expect(replies.all == (0..<20).map { "\($0): stored" })
        let late = await repository.append([try event()])
        #expect(throws: StoreError.unavailable("the service is shutting down")) { try late.get() }
        #expect(try rows(store.path, "SELECT count(*) FROM events", mode: .immutable) == ["20"])
    }

    @Test("A writer that is closed refuses at once, and has no commit to announce")
    func closedWriter() throws {
        let folder = try TemporaryFolder()
        try makeLatest(folder.file("events.db"))
        let announced = Mutex(0)
        let commits = CommitFeed()
        commits.subscribe { announced.withLock { $0 += 1 } }
        let writer = try EventWriter(
            StoreConfiguration(path: folder.file("events.db")), commits: commits,
            logger: LogRecorder().logger, now: { testMoment })
        writer.close()
        let refused = Mutex<[StoreError]>([])
        writer.append([try event()], allOrNothing: false) { result in
            if case .failure(let error) = result { refused.withLock { $0.append(error) } }
        }
        writer.delete(id: [0x61]) { result in
            if case .failure(let error) = result { refused.withLock { $0.append(error) } }
        }
        let closed = StoreError.unavailable("the service is shutting down")
        #expect(refused.withLock { $0 } == [closed, closed])
        #expect(announced.withLock { $0 } == 0)
    }

    @Test("However much work the jobs have, a deletion need not wait for its end")
    func jobsYield() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        // One a minute, for 20 days: most are past their age, and none is in the search index.
        try Connection(path, .readWrite).execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 28800)
            INSERT INTO events (received_at, id, event_type, severity, title, created_at)
            SELECT 0, n, 'a', 'info', 't', strftime('%Y-%m-%dT%H:%M:00.000Z', '2026-11-01', n || ' minutes') FROM n
            """)
        var configuration = StoreConfiguration(path: path)
        configuration.retention = Retention()
        let writer = try EventWriter(
            configuration, commits: CommitFeed(), logger: LogRecorder().logger,
            now: { testMoment })
        let isHeld = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        writer.delete(id: [0x61]) { _ in
            isHeld.signal()
            gate.wait()
        }
        isHeld.wait()
        let left = await withCheckedContinuation { continuation in
            writer.delete([28_800]) { _, _ in
                let sql = "SELECT count(*) FROM events"
                continuation.resume(returning: Result { try rows(path, sql) })
            }
            gate.signal()
        }
        #expect(try Int(left.get()[0])! > 20_000)
        writer.close()
    }

    // MARK: The WAL

    @Test("A WAL that exceeds its size is moved into the file and starts over")
    func checkpoints() async throws {
        let store = try TestStore(configure: {
            $0.checkpointPages = 20
            $0.walBytes = 400_000
        })
        let text = String(repeating: "x", count: 4_000)
        // A reader may keep it from starting over for as long as this machine makes it wait.
        var (largest, wal, commits): (Int64, Int64, Int64) = (0, 0, 0)
        while wal >= largest, largest < 40_000_000 {
            _ = await store.repository.append([try event(["description": text])])
            wal = store.repository.fileSizes.wal
            largest = max(largest, wal)
            commits += 1
        }
        #expect(wal < largest)
        #expect(largest >= 20 * 4_120)
        // The commit that started it over is in the WAL.
        #expect(store.repository.fileSizes.database > (commits - 1) * 4_000)
    }

    private final class Reading: Sendable {
        let isDone = Mutex(false)
        let group = DispatchGroup()
    }

    @Test("However often the WAL is moved beside commits and reads, nothing is lost")
    func checkpointsBesideCommits() async throws {
        let store = try TestStore(configure: { $0.checkpointPages = 2 })
        let text = String(repeating: "x", count: 3_000)
        let repository = store.repository
        // Not a task, which would take a thread from those that store.
        let reading = Reading()
        DispatchQueue.global().async(group: reading.group) {
            guard let reader = try? repository.makeReader() else { return }
            while !reading.isDone.withLock({ $0 }) { _ = try? reader.allSeqs() }
        }
        await withTaskGroup(of: Void.self) { group in
            for client in 0..<8 {
                group.addTask {
                    for number in 0..<150 {
                        let new = try? event(["id": "\(client)-\(number)", "description": text])
                        _ = await repository.append([new!])
                    }
                }
            }
        }
        reading.isDone.withLock { $0 = true }
        await withCheckedContinuation { done in
            reading.group.notify(queue: .global()) { done.resume() }
        }
        // As after a kill at this instant, and at the end.
        let copy = store.folder.file("copy.db")
        let block = WriterBlock(store.repository)
        try FileManager.default.copyItem(atPath: store.path, toPath: copy)
        try FileManager.default.copyItem(atPath: store.path + "-wal", toPath: copy + "-wal")
        block.release()
        store.repository.close()
        for path in [copy, store.path] {
            #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
            #expect(try rows(path, "SELECT count(*) FROM events") == ["1200"])
        }
    }

    // MARK: Trouble

    /// Makes the writer's own retry fail, which comes after some seconds. On its own connection,
    /// because the file's triggers do not run.
    private static let refuseRetry =
        "CREATE TEMP TRIGGER retry BEFORE UPDATE ON main.schema_version BEGIN SELECT RAISE(ABORT, 'no'); END"

    /// Makes storing fail like a full disk: AUTOINCREMENT returns SQLITE_FULL after the largest
    /// rowid (https://sqlite.org/autoinc.html).
    private static let fill = """
        CREATE TEMP TABLE full (x INTEGER PRIMARY KEY AUTOINCREMENT);
        INSERT INTO full VALUES (9223372036854775807);
        CREATE TEMP TRIGGER fill BEFORE INSERT ON main.events BEGIN INSERT INTO full VALUES (NULL); END;
        """

    @Test("A full disk fails a commit except its deletions, is reported, and recovers")
    func full() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event(["id": "before"])])
        try await store.onWriter(Self.fill)
        try await store.onWriter(Self.refuseRetry)
        let replies = Replies()
        let block = WriterBlock(store.repository)
        replies.append(store.repository, "a", [try event(["id": "a"])])
        replies.delete(store.repository, "delete", "before")
        replies.append(store.repository, "b", [try event(["id": "b"])])
        block.release()
        await replies.wait()
        let reason = #"unavailable("the disk is full")"#
        // Deleting has its reserve.
        #expect(replies.all == ["a: \(reason)", "b: \(reason)", "delete: success(true)"])
        #expect(store.repository.unwritableReason == "the disk is full")
        // Nothing else of the commit is stored, and reading continues.
        let reader = try store.repository.makeReader()
        #expect(try reader.allSeqs() == [])

        try await store.onWriter("DROP TRIGGER retry; DROP TRIGGER fill")
        await store.log.wait(for: "Writing works again")
        #expect(try await store.repository.append([try event(["id": "a"])]).get()[0].seq == 2)
        #expect(store.repository.unwritableReason == nil)
        let troubles = store.log.lines.filter { $0.level >= .notice }
        #expect(troubles.map(\.level) == [.error, .notice])
        #expect(troubles[0].message.contains("SQLite error 13"))
        #expect(troubles[1].message == "Writing works again")
    }

    @Test("Trouble that lasts is logged once, and every request is refused")
    func lasting() async throws {
        let store = try TestStore()
        try await store.onWriter(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.events BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        try await store.onWriter(Self.refuseRetry)
        for _ in 0..<5 {
            let result = await store.repository.append([try event()])
            let reason = StoreError.unavailable("the database cannot be written")
            #expect(throws: reason) { try result.get() }
        }
        #expect(store.repository.unwritableReason == "the database cannot be written")
        let errors = store.log.lines.filter { $0.level == .error }
        #expect(errors.count == 1)
        #expect(errors[0].message.contains("refused"))
        try await store.onWriter("DROP TRIGGER retry; DROP TRIGGER refuse")
        #expect(try await store.repository.append([try event()]).get().count == 1)
        #expect(store.log.messages.last == "Writing works again")
    }

    @Test("Without any traffic the writer finds out by itself that it can write again")
    func recoversAlone() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event()])
        try await store.onWriter(Self.fill)
        let result = await store.repository.append([try event()])
        #expect(throws: StoreError.unavailable("the disk is full")) { try result.get() }
        try await store.onWriter("DROP TRIGGER fill")
        await store.log.wait(for: "Writing works again")
        #expect(store.repository.unwritableReason == nil)
        #expect(try await store.repository.append([try event()]).get().count == 1)
    }

    @Test("A file that contradicts itself is damaged, and stays readable where it can")
    func damaged() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        _ = try PageModel(filling: path, count: 2_000, seed: 1)
        let root = try #require(
            try rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'idx_events_id'").first)
        let page = try #require(Int(root))
        do {
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.seek(toOffset: UInt64(page - 1) * 4096)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 4096))
            try file.close()
        }
        let writer = try EventWriter(
            StoreConfiguration(path: path), commits: CommitFeed(), logger: LogRecorder().logger,
            now: { testMoment })
        let new = try event()
        let result = await withCheckedContinuation { continuation in
            writer.append([new], allOrNothing: false) { continuation.resume(returning: $0) }
        }
        let reason = "the database file is damaged"
        #expect(throws: StoreError.unavailable(reason)) { try result.get() }
        #expect(writer.failureReason == reason)
        #expect(try makeReader(path).allSeqs().count == 1_001)
        // A deletion may spread it.
        let deletion = await withCheckedContinuation { continuation in
            writer.delete(id: [0x61]) { continuation.resume(returning: $0) }
        }
        #expect(throws: StoreError.unavailable(reason)) { try deletion.get() }
        let (deleted, error) = await withCheckedContinuation { continuation in
            writer.delete([1, 2]) { continuation.resume(returning: ($0, $1)) }
        }
        #expect(deleted == 0)
        #expect(error == .unavailable(reason))
        #expect(try makeReader(path).allSeqs().count == 1_001)
        writer.close()
    }
}
