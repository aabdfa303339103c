import SQLite
import Testing

@testable import EventStore

@Suite("IndexingJob")
struct IndexingJobTests {
    private let folder: TemporaryFolder
    private let connection: Connection
    private let job: IndexingJob
    private let figures = StoreFigures()

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path("events.db")
        try makeLatest(path)
        connection = try Connection(path, .readWrite)
        job = IndexingJob(connection, try SearchIndex(connection), space: nil, figures: figures)
    }

    /// Inserts events past the writer.
    private func insert(_ count: Int) throws {
        try connection.execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < \(count))
            INSERT INTO events (id, event_type, severity, title, created_at)
            SELECT lower(hex(randomblob(8))), 'cluster', 'info', 'Back-off pulling image', '\(testMoment.text)' FROM n
            """)
    }

    private func behind() throws -> Int {
        Int(
            try connection.integer(
                "SELECT (SELECT max(seq) FROM events) - indexed_seq FROM search_state") ?? -1)
    }

    @Test("Where much is behind, a slice takes more than has come since the last one")
    func catchesUp() throws {
        try insert(60_000)
        _ = try job.runSlice()
        var before = try behind()
        for _ in 0..<4 {
            try insert(6_000)  // More than a slice takes by itself.
            _ = try job.runSlice()
            let now = try behind()
            #expect(now < before)
            #expect(figures.current.searchLag == now)
            before = now
        }
    }

    @Test("However much is behind at the start or comes at once, a slice is bounded")
    func bounded() throws {
        try insert(60_000)
        _ = try job.runSlice()
        #expect(try behind() >= 60_000 - 4096)
        try insert(60_000)
        _ = try job.runSlice()
        #expect(try behind() >= 120_000 - 4096 - 16_384)
    }

    @Test("A few events wait for company, until nothing comes any more")
    func fewEvents() throws {
        try insert(10)
        _ = try job.runSlice()
        #expect(try behind() == 10)
        try insert(5)
        _ = try job.runSlice()
        #expect(try behind() == 15)
        _ = try job.runSlice()
        #expect(try behind() == 0)
    }
}
