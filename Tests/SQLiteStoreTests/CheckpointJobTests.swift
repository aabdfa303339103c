import Foundation
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("CheckpointJob")
struct CheckpointJobTests {
    private let folder: TemporaryFolder
    private let path: String
    private let connection: Connection
    private let mover: WALMover
    private let reads = OpenReads()
    private let job: CheckpointJob

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("a.db")
        connection = try Connection(path, .create)
        try connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE t (x)")
        connection.takeOverCheckpoints()
        mover = try WALMover(path: path, logger: LogRecorder().logger)
        var configuration = StoreConfiguration(path: path)
        configuration.checkpointPages = 20
        job = CheckpointJob(
            connection, mover, SpacePlan(configuration, pageBytes: 4096),
            figures: StoreFigures(), reads: reads,
            reserve: try DiskReserve(database: path, bytes: 0), logger: LogRecorder().logger)
    }

    /// Puts slightly more than `count` pages into the WAL.
    private func write(pages count: Int) throws {
        try connection.execute("INSERT INTO t VALUES (zeroblob(\(count * 4_000)))")
    }

    @Test("Pages are moved beside the writer; at rest all of them, and then it rests, too")
    func moves() throws {
        try write(pages: 5)
        _ = try job.runSlice()
        #expect(!job.isMoving)
        try write(pages: 10)
        _ = try job.runSlice()
        #expect(job.isMoving)
        for _ in 1...3 {
            mover.work.wait()
            _ = try job.runSlice()
        }
        #expect(!job.isMoving)
        #expect(connection.walPages == 0)
    }

    @Test(
        "Where the writer has moved all, and a reader keeps the WAL, the other thread begins nothing",
        arguments: [false, true])
    func nothingLeft(forCommit: Bool) throws {
        let reader = try Connection(path, .readOnly)
        try write(pages: 1)
        try reader.execute("BEGIN; SELECT count(*) FROM t")
        try write(pages: 60)
        // Pages that arrive while the rest is moved are moved too, several times.
        for _ in 1...4 {
            _ = try job.runSlice()
            #expect(job.isMoving)
            mover.work.wait()
            try write(pages: 1)
        }
        reader.rollback()
        try reader.execute("BEGIN; SELECT count(*) FROM t")
        // The WAL is due to start over, which fails while somebody reads.
        if forCommit {
            job.emptyWAL(stopping: .none)
        }
        _ = try job.runSlice()
        #expect(connection.walPages > 0)
        reader.rollback()
        // Idle, while the next commit may start the WAL over at any moment.
        _ = try job.runSlice()
        #expect(!job.isMoving)
        #expect(connection.walPages == 0)
    }

    /// Changes the second of the WAL-index's two headers, at byte 48, as a commit does an instant
    /// before the first one (https://sqlite.org/walformat.html#the_wal_index_header).
    private func changeSecondHeader() throws {
        let index = try FileHandle(forUpdating: URL(fileURLWithPath: path + "-shm"))
        let offset: UInt64 = 48 + 16
        try index.seek(toOffset: offset)
        let byte = try #require(try index.read(upToCount: 1)?.first)
        try index.seek(toOffset: offset)
        try index.write(contentsOf: [~byte])
        try index.close()
    }

    @Test("What finds a commit changing the WAL-index at that instant is asked for again")
    func amidCommit() throws {
        try write(pages: 15)
        try connection.execute("BEGIN IMMEDIATE")
        try changeSecondHeader()
        _ = try job.runSlice()
        #expect(job.isMoving)
        mover.work.wait()
        try changeSecondHeader()
        try connection.execute("COMMIT")
        _ = try job.runSlice()
        #expect(job.isMoving)
        mover.work.wait()
        _ = try job.runSlice()
        #expect(connection.walPages == 0)
    }

    @Test("Where a commit has no room all reads are stopped, and those that have begun since, too")
    func stopsAll() throws {
        try write(pages: 1)
        let hasBegun = DispatchSemaphore(value: 0)
        let haveEnded = DispatchSemaphore(value: 0)
        DispatchQueue(label: "reads").async { [path, reads] in
            defer { haveEnded.signal() }
            // The second read begins before the first ends, as with many clients.
            var last: (reader: Connection, activity: OpenReads.Activity)?
            for _ in 1...2 {
                guard let reader = try? Connection(path, .readOnly) else { return }
                let activity = reads.add()
                activity.begin()
                try? reader.execute("BEGIN; SELECT count(*) FROM t")
                last?.reader.rollback()
                last?.activity.end()
                last = (reader, activity)
                hasBegun.signal()
                let deadline = DispatchTime.now() + .seconds(10)
                while !activity.isStopped, DispatchTime.now() < deadline { usleep(1_000) }
            }
            last?.reader.rollback()
            last?.activity.end()
        }
        hasBegun.wait()
        try write(pages: 10)
        job.emptyWAL(stopping: .all)
        try write(pages: 1)
        #expect(connection.walPages < 10)
        haveEnded.wait()
    }
}
