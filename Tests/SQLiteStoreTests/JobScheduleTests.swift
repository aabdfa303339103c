import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("JobSchedule")
struct JobScheduleTests {
    /// Records its turns in `log`, and asks for the next one as told.
    private final class Job: WriterJob {
        final class Log {
            var turns: [String] = []
        }

        let name: String
        private let log: Log
        private var next: [Result<NextSlice, SQLiteError>]
        private let busy: Duration

        init(
            _ name: String, _ log: Log, busy: Duration = .zero,
            _ next: [Result<NextSlice, SQLiteError>]
        ) {
            self.name = name
            self.log = log
            self.busy = busy
            self.next = next
        }

        func runSlice() throws(SQLiteError) -> NextSlice {
            log.turns.append(name)
            let end = ContinuousClock.now + busy
            while ContinuousClock.now < end {}
            return try next.isEmpty ? .afterCommit() : next.removeFirst().get()
        }
    }

    private let folder: TemporaryFolder
    private let connection: Connection
    private let room: DiskRoom
    private let log = LogRecorder()
    private let turns = Job.Log()

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        connection = try Connection(path, .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE t (x)")
        connection.takeOverCheckpoints()
        room = try makeRoom(connection, SearchIndex(connection), path)
    }

    private func makeJobs() -> JobSchedule {
        JobSchedule(
            connection, room, figures: StoreFigures(), reads: OpenReads(), logger: log.logger)
    }

    @Test("Jobs with more work take turns; one without waits for a commit")
    func turnsAndCommits() throws {
        let jobs = makeJobs()
        jobs.add(Job("a", turns, [.success(.soon), .success(.soon)]))
        jobs.add(Job("b", turns, []))
        #expect(jobs.run())
        #expect(jobs.run())
        #expect(!jobs.run())
        #expect(turns.turns == ["a", "b", "a", "a"])
        #expect(jobs.timeUntilDue == nil)
        #expect(!jobs.run())
        try connection.execute("INSERT INTO t VALUES (1)")
        #expect(!jobs.run())
        #expect(turns.turns == ["a", "b", "a", "a", "a", "b"])
    }

    @Test("Once the time of a turn is used up, the next turn begins with the next job")
    func usedUp() {
        let jobs = makeJobs()
        let more = [Result<NextSlice, SQLiteError>](repeating: .success(.soon), count: 10)
        for name in ["a", "b", "c"] {
            jobs.add(Job(name, turns, busy: SliceTime.usual, more))
        }
        for _ in 1...4 { #expect(jobs.run()) }
        #expect(turns.turns == ["a", "b", "c", "a"])
    }

    @Test("A job that fails rests, is logged once until it works again, and stops no other")
    func failing() throws {
        let jobs = makeJobs()
        let error = SQLiteError(extendedCode: 10, message: "no disk")
        jobs.add(Job("bad", turns, [.failure(error)]))
        jobs.add(Job("good", turns, []))
        #expect(!jobs.run())
        #expect(turns.turns == ["bad", "good"])
        #expect(log.messages.count == 1)
        #expect(log.messages[0].hasPrefix("The bad failed and will be retried: SQLite error 10"))
        // Time, not a commit, makes it due.
        try connection.execute("INSERT INTO t VALUES (1)")
        #expect(!jobs.run())
        #expect(turns.turns == ["bad", "good", "good"])
        #expect(try #require(jobs.timeUntilDue) > .seconds(1))
    }

    @Test("A slice that takes too long is halved, a short one grows, both within their range")
    func sizes() {
        var size = SliceSize(1...1000, first: 64, target: .milliseconds(5))
        size.note(.milliseconds(6))
        #expect(size.count == 32)
        size.note(.milliseconds(4))
        #expect(size.count == 32)
        size.note(.milliseconds(1))
        #expect(size.count == 41)
        for _ in 1...10 { size.note(.seconds(1)) }
        #expect(size.count == 1)
        for _ in 1...100 { size.note(.zero) }
        #expect(size.count == 1000)
    }

    @Test("A limit on bytes is divided so that the parts never exceed it")
    func plan() {
        for megabytes in [2, 64, 1000, 100_000] {
            var configuration = StoreConfiguration(path: "")
            configuration.retention.bytes = megabytes * 1024 * 1024
            let plan = SpacePlan(configuration, pageBytes: 4096)
            let wal = plan.walPages * 4120
            #expect(plan.databasePages! * 4096 + wal <= megabytes * 1024 * 1024)
            #expect(wal <= configuration.walBytes)
            #expect(plan.cachePages <= plan.walPages / 4)
            #expect(plan.checkpointPages <= plan.walPages / 8)
        }
        var configuration = StoreConfiguration(path: "")
        configuration.walBytes = 8 * 1024 * 1024
        let plan = SpacePlan(configuration, pageBytes: 4096)
        #expect(plan.databasePages == nil)
        #expect(plan.cachePages <= plan.walPages / 4, "a small WAL alone bounds its parts, too")
        #expect(plan.checkpointPages <= plan.walPages / 8)
    }
}
