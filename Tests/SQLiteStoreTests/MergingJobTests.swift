import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("MergingJob")
struct MergingJobTests {
    private let folder: TemporaryFolder
    private let connection: Connection
    private let search: SearchIndex
    private let room: DiskRoom
    private let job: MergingJob

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.file("events.db")
        try makeLatest(path)
        connection = try Connection(path, .readWrite)
        search = try SearchIndex(connection)
        room = try makeRoom(connection, search, path)
        job = MergingJob(connection, search, room)
    }

    /// Adds events to the index in shares, each of them a segment.
    private func add(shares: Int, of count: Int) throws {
        for share in 0..<shares {
            try connection.transaction { () throws(SQLiteError) in
                try connection.execute(
                    """
                    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < \(count))
                    INSERT INTO events (received_at, id, event_type, severity, title, description, created_at)
                    SELECT 0, '\(share)-' || n, 'cluster', 'info', 'Pod ' || n, hex(randomblob(20)) || ' ' || hex(randomblob(20)),
                      '\(testMoment.text)' FROM n
                    """)
                try index(connection, search, first: count)
            }
            search.noteCommit()
        }
    }

    private func segments() throws -> Int64? {
        try connection.integer("SELECT count(DISTINCT segid) FROM search_idx")
    }

    private func found() throws -> Int64? {
        try connection.integer("SELECT count(*) FROM search('pod')")
    }

    @Test("Segments stay as they are in commits, and are merged a few pages at a time")
    func merges() throws {
        try add(shares: 20, of: 180)
        #expect(try segments() == 20)
        #expect(search.unmerged > 3600)
        var slices = 0
        while search.unmerged > 0 {
            let before = connection.totalChanges
            _ = try job.runSlice()
            slices += 1
            // Pages written, the pages they came from, and the records of both.
            #expect(connection.totalChanges - before < 1000)
            #expect(try found() == 3600)
            try #require(slices < 1000)
        }
        #expect(slices > 3)
        #expect(try segments() ?? 20 < 16)
        #expect(
            try connection.text("INSERT INTO search (search) VALUES ('integrity-check')") == nil)
        // There is nothing to do until more arrives.
        let before = connection.totalChanges
        guard case .afterCommit(nil) = try job.runSlice() else {
            Issue.record("it wants to go on")
            return
        }
        #expect(connection.totalChanges == before)
    }

    @Test("What was not merged before a start is merged after it")
    func afterStart() throws {
        try add(shares: 18, of: 50)
        let again = MergingJob(connection, try SearchIndex(connection), room)
        for _ in 1...100 { _ = try again.runSlice() }
        #expect(try segments() ?? 18 < 16)
    }

    @Test("Where more comes than slices merge, they become as large as they have to be")
    func catchesUp() throws {
        try add(shares: 20, of: 1000)
        var slices = 0
        while search.unmerged > 4096 {
            _ = try job.runSlice()
            slices += 1
            try #require(slices < 20)
        }
    }
}
