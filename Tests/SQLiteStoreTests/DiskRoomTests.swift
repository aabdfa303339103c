import Events
import SQLite
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// A database at its size limit, with a search index as large as its events.
@Suite("DiskRoom")
struct DiskRoomTests {
    private static let count = 600

    private let folder: TemporaryFolder
    private let connection: Connection
    private let search: SearchIndex
    private let statements: EventStatements
    private let log = LogRecorder()

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        let connection = try Connection(path, .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL")
        connection.takeOverCheckpoints()
        var random = SeededGenerator(seed: 1)
        let insert = try connection.prepare(
            """
            INSERT INTO events (received_at, id, event_type, severity, title, description, created_at)
            VALUES (0, lower(hex(randomblob(8))), 'cluster', 'info', 'a', ?, '\(testMoment.text)')
            """)
        try connection.execute("BEGIN")
        for _ in 0..<Self.count {
            let words = (0..<100).map { _ in String(random.next() % 1_000_000, radix: 36) }
            try insert.bind(1, words.joined(separator: " "))
            try insert.run()
        }
        try connection.execute("COMMIT")
        search = try SearchIndex(connection)
        try connection.transaction { [search] () throws(SQLiteError) in
            try index(connection, search, first: Self.count)
        }
        search.noteCommit()
        self.connection = connection
        statements = try EventStatements(connection, search)
    }

    /// Makes a limit of `times` the database's current size.
    private func makeRoom(times: Int = 1) throws -> DiskRoom {
        let pages = Int(try #require(try connection.integer("PRAGMA page_count")))
        return try SQLiteStoreTests.makeRoom(
            connection, search, folder.file("events.db"), databasePages: times * pages, log: log)
    }

    private func emptied() -> Int { log.messages.count { $0.contains("being rebuilt") } }

    @Test("A deletion that has no page left is tried again once the index has given up its own")
    func deletion() throws {
        let job = try DeletionJob(connection, statements, makeRoom()) { _ in }
        let ended = Mutex<(deleted: Int, error: SQLiteError?)?>(nil)
        job.delete(Array(1...Int64(Self.count))) { deleted, error in
            ended.withLock { $0 = (deleted, error) }
        }
        while ended.withLock({ $0 }) == nil { _ = try job.runSlice() }
        let (deleted, error) = try #require(ended.withLock { $0 })
        #expect(deleted == Self.count)
        #expect(error == nil)
        #expect(emptied() == 1)
    }

    private static let full = SQLiteError(
        extendedCode: SQLiteError.full, message: "database or disk is full")

    /// A job that never finds a page.
    private final class Job: WriterJob {
        let name = "job"
        private(set) var slices = 0

        func runSlice() throws(SQLiteError) -> NextSlice {
            slices += 1
            throw DiskRoomTests.full
        }
    }

    @Test("A slice without a free page is retried at once, but only if that can help")
    func slice() throws {
        let jobs = try JobSchedule(
            connection, makeRoom(), figures: StoreFigures(), reads: OpenReads(), logger: log.logger)
        let job = Job()
        jobs.add(job)
        #expect(jobs.run())
        #expect(emptied() == 1)
        // The index is empty, so something else is full now.
        #expect(!jobs.run())
        #expect(job.slices == 2)
        #expect(emptied() == 1)
        #expect(log.messages.last?.hasPrefix("The job failed and will be retried") == true)
    }

    @Test("Where pages are left below the bound it is the disk that is full, and the index stays")
    func fullDisk() throws {
        let roomy = try makeRoom(times: 2)
        #expect(!roomy.make(after: Self.full, fromReserve: true))
        #expect(emptied() == 0)
    }

    @Test("For a large event as many go as its pages need, not only those of one look")
    func largeEvent() throws {
        #expect(try statements.emptySearchIndex())
        try connection.execute(
            "PRAGMA max_page_count=65536; UPDATE events SET description = zeroblob(4000); VACUUM")
        let room = try makeRoom()
        var isAdmitted = false
        try connection.transaction { () throws(SQLiteError) in
            room.begin()
            isAdmitted = try room.admit(bytes: 200_000)
        }
        #expect(isAdmitted)
        let left = try connection.integer("SELECT count(*) FROM events")
        #expect(left == Int64(Self.count - room.removed))
        // The 260 pages, and the pages kept free, one for each event.
        #expect((250...500).contains(room.removed))
    }
}
