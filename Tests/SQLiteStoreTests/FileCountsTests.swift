import SQLite
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("What the writer knows of its file") struct FileCountsTests {
    @Test("It is asked once a commit, and never what a transaction that was rolled back had")
    func commits() throws {
        let folder = try TemporaryFolder()
        try makeLatest(folder.file("events.db"))
        let connection = try Connection(folder.file("events.db"), .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL")
        connection.takeOverCheckpoints()
        let counts = try FileCounts(connection)
        let statements = try EventStatements(connection, SearchIndex(connection))
        #expect(try counts.current().lastSeq == 0)
        let first = try event()
        try connection.transaction { () throws(SQLiteError) in _ = try statements.append(first) }
        #expect(try counts.current().lastSeq == 1)

        try connection.execute("BEGIN IMMEDIATE")
        _ = try statements.append(try event())
        #expect(try counts.current().lastSeq == 2)
        connection.rollback()
        #expect(try counts.current().lastSeq == 1)

        try connection.execute("BEGIN IMMEDIATE")
        _ = try statements.append(try event())
        let values = try counts.current()
        try connection.execute("COMMIT")
        counts.noteCommit(values)
        #expect(try counts.current() == values)
    }
}
