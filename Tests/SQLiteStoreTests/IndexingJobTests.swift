import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("IndexingJob")
struct IndexingJobTests {
    private let folder: TemporaryFolder
    private let connection: Connection
    private let search: SearchIndex
    private let maker: DocumentMaker
    private let job: IndexingJob
    private let figures = StoreFigures()

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        connection = try Connection(path, .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL")
        search = try SearchIndex(connection)
        maker = try DocumentMaker(path: path)
        job = IndexingJob(
            connection, search, maker, try makeRoom(connection, search, path), figures: figures)
    }

    /// Adds the finished documents to the index, and starts on the next ones.
    private func runSlice() throws {
        maker.work.wait()
        _ = try job.runSlice()
    }

    /// Inserts events without the writer.
    private func insert(_ count: Int) throws {
        try connection.execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < \(count))
            INSERT INTO events (received_at, id, event_type, severity, title, created_at)
            SELECT 0, lower(hex(randomblob(8))), 'cluster', 'info', 'Back-off pulling image', '\(testMoment.text)' FROM n
            """)
    }

    private func behind() throws -> Int {
        Int(
            try connection.integer(
                "SELECT (SELECT max(seq) FROM events) - indexed_seq FROM search_state") ?? -1)
    }

    @Test("Where much is behind, slices take more than has come")
    func catchesUp() throws {
        try insert(60_000)
        for _ in 1...2 { try runSlice() }
        var before = try behind()
        for _ in 0..<4 {
            try insert(1_200)  // As many as a slice of the least weight takes where it has to.
            for _ in 1...2 { try runSlice() }
            let now = try behind()
            #expect(now < before)
            #expect(figures.currentOwn.searchLag == now)
            before = now
        }
    }

    @Test("However much is missing at the start or arrives at once, a slice is bounded")
    func bounded() throws {
        try insert(60_000)
        for _ in 1...2 { try runSlice() }
        #expect(try behind() >= 60_000 - 4096)
        try insert(60_000)
        for _ in 1...2 { try runSlice() }
        #expect(try behind() >= 120_000 - 2 * 4096 - 16_384)
    }

    @Test("A slice ends with the event that reaches its weight, and the next one follows at once")
    func boundedInBytes() throws {
        // A nearly empty row with so many bytes, of one word, weighs 1,000 and its few tokens.
        for id in 1...100 {
            try connection.execute(
                """
                INSERT INTO events (received_at, id, event_type, severity, title, description, created_at)
                VALUES (0, \(id), 'cluster', 'info', 't', printf('%.64000c', '-'), '\(testMoment.text)')
                """)
        }
        try runSlice()
        #expect(try behind() == 100)
        // Nothing more arrives, so the first slice of 16,384 begins.
        try runSlice()
        try runSlice()
        #expect(try behind() == 100 - 17)
        maker.work.wait()
        #expect(maker.work.isGoingOn)
    }

    @Test("A few events wait for more, until nothing arrives any more")
    func fewEvents() throws {
        try insert(10)
        try runSlice()
        #expect(try behind() == 10)
        try insert(5)
        try runSlice()
        #expect(try behind() == 15)
        for _ in 1...2 { try runSlice() }
        #expect(try behind() == 0)
    }

    @Test("What is deleted while its document is made stays out, unless that is undone")
    func deletedMeanwhile() throws {
        try insert(3)
        for _ in 1...2 { try runSlice() }
        maker.work.wait()
        let statements = try EventStatements(connection, search)
        #expect(try statements.delete([2]).deleted == 1)
        #expect(throws: SQLiteError.self) {
            try connection.transaction { () throws(SQLiteError) in
                _ = try statements.delete([3])
                throw SQLiteError(extendedCode: SQLiteError.full, message: "on purpose")
            }
        }
        try runSlice()
        let found = try connection.prepare(
            "SELECT count(*) FROM search WHERE search MATCH '\"pulling\"'")
        #expect(try found.number() == 2)
        #expect(try behind() == 0)
    }
}
