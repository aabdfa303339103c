import Foundation
import TestSupport
import Testing

@testable import SQLite

@Suite("SQLiteError")
struct SQLiteErrorTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("a.db")
    }

    private func error(_ body: () throws(SQLiteError) -> Void) -> SQLiteError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test("The extended code, its text and the message of the connection are kept")
    func constraint() throws {
        let connection = try Connection(path, .create)
        try connection.execute(
            """
            CREATE TABLE t (id TEXT PRIMARY KEY, n TEXT NOT NULL, u TEXT UNIQUE);
            INSERT INTO t VALUES ('a', 'n', 'u')
            """)
        let key = error { () throws(SQLiteError) in
            try connection.execute("INSERT INTO t VALUES ('a', 'n', 'v')")
        }
        #expect(key?.extendedCode == 1555)
        #expect(key?.code == 19)
        #expect(key?.message == "UNIQUE constraint failed: t.id")
        #expect(
            key?.description
                == "SQLite error 1555 (constraint failed): UNIQUE constraint failed: t.id")
        let unique = error { () throws(SQLiteError) in
            try connection.execute("INSERT INTO t VALUES ('b', 'n', 'u')")
        }
        #expect(unique?.extendedCode == 2067)
        let null = error { () throws(SQLiteError) in
            let insert = try connection.prepare("INSERT INTO t VALUES ('b', ?, 'v')")
            try insert.run()
        }
        #expect(null?.extendedCode == 1299)
        #expect(
            [key, unique, null].allSatisfy { $0?.isDamage == false && $0?.isInterrupt == false })
    }

    @Test("A lock that another holds is busy")
    func busy() throws {
        let holder = try Connection(path, .create)
        try holder.execute("CREATE TABLE t (x); BEGIN IMMEDIATE")
        let other = try Connection(path, .readWrite)
        other.setBusyTimeout(milliseconds: 0)
        #expect(error { () throws(SQLiteError) in try other.execute("BEGIN IMMEDIATE") }?.code == 5)
        try holder.execute("COMMIT")
        #expect(error { () throws(SQLiteError) in try other.execute("BEGIN IMMEDIATE") } == nil)
    }

    @Test("A file that cannot grow is full")
    func full() throws {
        let connection = try Connection(path, .create)
        try connection.execute("CREATE TABLE t (x); PRAGMA max_page_count=2")
        let error = error { () throws(SQLiteError) in
            try connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        }
        #expect(error?.code == SQLiteError.full)
        #expect(error?.message == "database or disk is full")
    }

    @Test("A text file is not a database, and counts as damage")
    func notADatabase() throws {
        try Data(String(repeating: "no database ", count: 100).utf8)
            .write(to: URL(filePath: path))
        let connection = try Connection(path, .readWrite)
        let error = error { () throws(SQLiteError) in _ = try connection.text("SELECT 1 FROM t") }
        #expect(error?.code == SQLiteError.notADatabase)
        #expect(error?.isDamage == true)
        #expect(error?.message == "file is not a database")
    }

    @Test("A page of garbage is damage")
    func corrupt() throws {
        do {
            let connection = try Connection(path, .create)
            try connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(20000))")
        }
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0xEE, count: 4096))
        try file.close()
        let connection = try Connection(path, .readOnly)
        let error = error { () throws(SQLiteError) in _ = try connection.text("SELECT x FROM t") }
        #expect(error?.code == SQLiteError.corrupt)
        #expect(error?.isDamage == true)
    }

    @Test(
        "A file that is missing can only be made",
        arguments: [Connection.Mode.readOnly, .readWrite, .immutable])
    func missing(mode: Connection.Mode) throws {
        let error = error { () throws(SQLiteError) in _ = try Connection(path, mode) }
        #expect(error?.code == SQLiteError.cannotOpen)
        #expect(try folder.names() == [])
        try Connection(path, .create).execute("CREATE TABLE t (x)")
        #expect(try folder.names() == ["a.db"])
        #expect(throws: Never.self) { try Connection(path, mode) }
    }

    @Test("A folder is not a file, and a file without a folder cannot be created")
    func folders() {
        for wrong in [folder.file("."), folder.file("nowhere/a.db")] {
            let error = error { () throws(SQLiteError) in
                try Connection(wrong, .create).execute("CREATE TABLE t (x)")
            }
            #expect(error?.code == SQLiteError.cannotOpen)
        }
    }

    @Test("A read-only connection writes nothing")
    func readOnly() throws {
        try Connection(path, .create).execute("CREATE TABLE t (x)")
        for mode in [Connection.Mode.readOnly, .immutable] {
            let connection = try Connection(path, mode)
            let error = error { () throws(SQLiteError) in
                try connection.execute("INSERT INTO t VALUES (1)")
            }
            #expect(error?.code == 8)
        }
    }
}
