import CSQLite
import Foundation
import TestSupport
import Testing

@testable import SQLite

@Suite("Connection")
struct ConnectionTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("a.db")
    }

    /// A connection to a new file in WAL mode with a table `t (x)`.
    private func makeWAL() throws -> Connection {
        let connection = try Connection(path, .create)
        try connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE t (x)")
        return connection
    }

    private func size(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? -1
    }

    // MARK: Statements

    @Test("One value: the first of the first row")
    func oneValue() throws {
        let connection = try Connection(":memory:", .create)
        try connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (3), (4)")
        #expect(try connection.integer("SELECT x, 9 FROM t ORDER BY x") == 3)
        #expect(try connection.text("SELECT 'a', 'b'") == "a")
        #expect(try connection.integer("SELECT x FROM t WHERE x > 5") == nil)
        #expect(try connection.text("SELECT x FROM t WHERE x > 5") == nil)
        #expect(try connection.text("SELECT NULL") == nil)
    }

    @Test("Executing stops at the first statement that fails")
    func execute() throws {
        let connection = try Connection(":memory:", .create)
        let error = #expect(throws: SQLiteError.self) {
            try connection.execute("CREATE TABLE a (x); CREATE TABLE a (x); CREATE TABLE b (x)")
        }
        #expect(error?.message == "table a already exists")
        #expect(try connection.integer("SELECT count(*) FROM sqlite_master") == 1)
    }

    @Test("Changes and the rowid are those of the last statement")
    func changes() throws {
        let connection = try Connection(":memory:", .create)
        try connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)")
        try connection.execute("INSERT INTO t VALUES (40, 'a'), (41, 'b')")
        #expect(connection.changes == 2)
        #expect(connection.lastInsertRowID == 41)
        try connection.execute("INSERT INTO t VALUES (1, 'a') ON CONFLICT DO NOTHING")
        #expect(connection.changes == 0)
        try connection.execute("DELETE FROM t")
        #expect(connection.changes == 2)
    }

    @Test("The version is that of the library")
    func version() throws {
        let connection = try Connection(":memory:", .create)
        #expect(try connection.text("SELECT sqlite_version()") == Connection.libraryVersion)
    }

    // MARK: Transactions

    private struct Failure: Error, Equatable {
        let message: String

        init(message: String) { self.message = message }

        init(_ error: SQLiteError) { message = error.message }
    }

    @Test("A transaction commits, or leaves nothing when it throws")
    func transaction() throws {
        let connection = try Connection(path, .create)
        try connection.execute("CREATE TABLE t (x)")
        try connection.transaction { () throws(SQLiteError) in
            try connection.execute("INSERT INTO t VALUES (1)")
        }
        #expect(throws: Failure(message: "mine")) {
            try connection.transaction(orElse: Failure.init) { () throws(Failure) in
                do throws(SQLiteError) {
                    try connection.execute("INSERT INTO t VALUES (2)")
                } catch {
                    throw Failure(error)
                }
                throw Failure(message: "mine")
            }
        }
        #expect(throws: SQLiteError.self) {
            try connection.transaction { () throws(SQLiteError) in
                try connection.execute("INSERT INTO t VALUES (3); INSERT INTO nowhere VALUES (3)")
            }
        }
        #expect(try Connection(path, .readOnly).text("SELECT group_concat(x) FROM t") == "1")
        // Neither left a transaction open.
        try connection.transaction { () throws(SQLiteError) in }
    }

    @Test("A transaction holds the write lock from its start")
    func immediate() throws {
        let connection = try Connection(path, .create)
        try connection.execute("CREATE TABLE t (x)")
        let other = try Connection(path, .readWrite)
        other.setBusyTimeout(milliseconds: 0)
        try connection.transaction { () throws(SQLiteError) in
            var hasRun = false
            do throws(Failure) {
                try other.transaction(orElse: Failure.init) { () throws(Failure) in
                    hasRun = true
                }
                Issue.record("two transactions write at once")
            } catch {
                #expect(error.message == "database is locked")
            }
            #expect(!hasRun)
        }
    }

    @Test("A transaction whose commit fails is rolled back")
    func failedCommit() throws {
        let connection = try Connection(path, .create)
        try connection.execute(
            """
            PRAGMA foreign_keys=ON; CREATE TABLE p (id INTEGER PRIMARY KEY);
            CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)
            """)
        let error = #expect(throws: SQLiteError.self) {
            try connection.transaction { () throws(SQLiteError) in
                try connection.execute("INSERT INTO c VALUES (1)")
            }
        }
        #expect(error?.extendedCode == 787)
        #expect(try connection.integer("SELECT count(*) FROM c") == 0)
        try connection.execute("BEGIN; COMMIT")
    }

    @Test("Rolling back without a transaction does nothing")
    func rollback() throws {
        let connection = try Connection(path, .create)
        try connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        connection.rollback()
        try connection.execute("BEGIN; INSERT INTO t VALUES (2)")
        connection.rollback()
        #expect(try connection.integer("SELECT count(*) FROM t") == 1)
    }

    // MARK: Interruption

    private static let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    @Test("A statement stops on request, and the connection continues")
    func interrupt() throws {
        let connection = try Connection(":memory:", .create)
        var looks = 0
        connection.interruptWhen(every: 100) {
            looks += 1
            return looks >= 5
        }
        let error = #expect(throws: SQLiteError.self) { try connection.integer(Self.endless) }
        #expect(error?.isInterrupt == true)
        #expect(error?.isDamage == false)
        #expect(looks == 5)

        looks = -1_000_000_000
        let long = Self.endless.replacing("FROM n)", with: "FROM n WHERE i < 20000)")
        #expect(try connection.integer(long) == 20_000)
        #expect(looks > -1_000_000_000)

        connection.neverInterrupt()
        looks = 100
        #expect(try connection.integer(long) == 20_000)
        #expect(looks == 100)
    }

    // MARK: The WAL

    @Test("Checkpoints are the owner's: the WAL grows until it is moved, and its size is reported")
    func checkpoints() throws {
        let connection = try makeWAL()
        connection.takeOverCheckpoints()
        #expect(connection.walPages == 0)
        // Far beyond the 1,000 pages at which SQLite would checkpoint by itself.
        for _ in 1...3 {
            try connection.execute("INSERT INTO t VALUES (zeroblob(4000000))")
        }
        let pages = connection.walPages
        #expect(pages > 2_900)
        #expect(size(path) < 100_000)

        let passive = try connection.checkpoint(.passive)
        #expect(passive.pages == pages)
        #expect(passive.moved == pages)
        #expect(connection.walPages == 0)
        #expect(size(path) > 12_000_000)
        #expect(size(path + "-wal") > 12_000_000)

        try connection.checkpoint(.truncate)
        #expect(size(path + "-wal") == 0)
    }

    @Test("A checkpoint goes as far as readers let it")
    func checkpointBehindReader() throws {
        let connection = try makeWAL()
        connection.takeOverCheckpoints()
        connection.setBusyTimeout(milliseconds: 0)
        try connection.execute("INSERT INTO t VALUES (1)")
        let reader = try Connection(path, .readOnly)
        let select = try reader.prepare("SELECT x FROM t")
        #expect(try select.step())
        try connection.execute("INSERT INTO t VALUES (2)")
        let behind = try connection.checkpoint(.passive)
        #expect(behind.moved < behind.pages)
        #expect(connection.walPages == behind.pages)
        let error = #expect(throws: SQLiteError.self) { try connection.checkpoint(.truncate) }
        #expect(error?.code == 5)
        select.reset()
        try connection.checkpoint(.truncate)
        #expect(connection.walPages == 0)
        #expect(size(path + "-wal") == 0)
    }

    @Test("Closing moves the WAL into the file, unless it is to be kept")
    func closing() throws {
        try makeWAL().execute("INSERT INTO t VALUES (1)")
        #expect(try folder.names() == ["a.db"])
        do {
            let connection = try Connection(path, .readWrite)
            connection.keepWALOnClose()
            try connection.execute("INSERT INTO t VALUES (2)")
        }
        #expect(size(path + "-wal") > 0)
        #expect(try Connection(path, .readOnly).integer("SELECT count(*) FROM t") == 2)
    }

    // MARK: Copies

    @Test("A copy made in steps holds what its source has written meanwhile")
    func stepwise() throws {
        let connection = try makeWAL()
        try connection.execute("INSERT INTO t VALUES (zeroblob(400000))")
        let backup = try Backup(of: connection, to: folder.file("copy.db"))
        var steps = 0
        while try !backup.step(pages: 10) {
            steps += 1
            try connection.execute("INSERT INTO t VALUES (\(steps))")
        }
        #expect(steps >= 9)
        let copy = try Connection(folder.file("copy.db"), .immutable)
        #expect(try copy.text("PRAGMA integrity_check") == "ok")
        #expect(
            try copy.integer("SELECT count(*) FROM t")
                == connection.integer("SELECT count(*) FROM t"))
        #expect(
            try copy.integer("SELECT max(x) FROM t WHERE typeof(x) = 'integer'") == Int64(steps))
    }

    @Test("A copy holds everything committed, including the WAL's part, and needs no other file")
    func backup() throws {
        let connection = try makeWAL()
        connection.takeOverCheckpoints()
        try connection.execute("INSERT INTO t VALUES (zeroblob(100000)), ('end')")
        let writer = try Connection(path, .readWrite)
        try writer.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES ('not committed')")
        try connection.backUp(to: folder.file("copy.db"))
        try writer.execute("COMMIT")

        let copy = try Connection(folder.file("copy.db"), .immutable)
        #expect(try copy.text("PRAGMA quick_check") == "ok")
        #expect(try copy.text("SELECT group_concat(length(x)) FROM t") == "100000,3")
        #expect(try folder.names() == ["a.db", "a.db-shm", "a.db-wal", "copy.db"])
    }

    @Test("A copy that cannot be made says why")
    func failedBackup() throws {
        let connection = try Connection(path, .create)
        try connection.execute("CREATE TABLE t (x)")
        let nowhere = #expect(throws: SQLiteError.self) {
            try connection.backUp(to: folder.file("nowhere/copy.db"))
        }
        #expect(nowhere?.code == SQLiteError.cannotOpen)
        let holder = try Connection(path, .readWrite)
        try holder.execute("BEGIN EXCLUSIVE")
        let busy = #expect(throws: SQLiteError.self) {
            try connection.backUp(to: folder.file("copy.db"))
        }
        #expect(busy?.code == 5)
        try holder.execute("COMMIT")
        try connection.backUp(to: folder.file("copy.db"))
    }

    // MARK: Distrust

    @Test(
        "Nothing that a file brings runs, and nothing writes to what SQLite keeps for itself",
        arguments: [
            Connection.Mode.readWrite, .create,
        ])
    func distrust(_ mode: Connection.Mode) throws {
        var opened: OpaquePointer?
        #expect(sqlite3_open(path, &opened) == SQLITE_OK)
        let sql = """
            CREATE TABLE t (x); CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x);
            CREATE TRIGGER gone AFTER INSERT ON t BEGIN DELETE FROM t; END
            """
        #expect(sqlite3_exec(opened, sql, nil, nil, nil) == SQLITE_OK)
        sqlite3_close(opened)

        let connection = try Connection(path, mode)
        try connection.execute("INSERT INTO t VALUES (7); INSERT INTO f VALUES ('word')")
        #expect(try connection.integer("SELECT x FROM t") == 7)
        #expect(throws: SQLiteError.self) { try connection.integer("SELECT * FROM v") }
        #expect(throws: SQLiteError.self) { try connection.execute("DELETE FROM f_data") }
        try connection.execute("PRAGMA writable_schema=ON")
        #expect(throws: SQLiteError.self) { try connection.execute("DELETE FROM sqlite_master") }
        #expect(try connection.text("PRAGMA journal_mode=OFF") == "delete")
        #expect(try connection.integer("PRAGMA trusted_schema") == 0)
        #expect(try connection.integer("PRAGMA cell_size_check") == 1)
        #expect(try connection.text("SELECT x FROM f WHERE f MATCH 'word'") == "word")
    }

    // MARK: Looking without touching

    @Test("A path that begins with two slashes is not a URI authority")
    func doubleSlash() throws {
        try Connection(path, .create).execute("CREATE TABLE t (x); INSERT INTO t VALUES (7)")
        for slashes in ["/", "//"] {
            let connection = try Connection(slashes + path, .immutable)
            #expect(try connection.integer("SELECT x FROM t") == 7)
        }
    }

    @Test("An immutable file is read without anything beside it, whatever its name")
    func immutable() throws {
        // A combining mark forms one character with the text before it.
        let marked = ["%", "?", "#"].map { "a\($0)\u{301}25.db" }
        let names = ["plain.db", "a b%20c?mode=memory#x&y.db", "é😀.db", "100%.db"] + marked
        for name in names {
            let path = folder.file(name)
            try Connection(path, .create).execute(
                "PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (7)")
            let names = try folder.names()
            let bytes = try Data(contentsOf: URL(filePath: path))
            do {
                let connection = try Connection(path, .immutable)
                #expect(try connection.integer("SELECT x FROM t") == 7)
                #expect(try connection.text("PRAGMA quick_check") == "ok")
                #expect(try folder.names() == names)
            }
            #expect(try folder.names() == names)
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
            // A file in WAL mode that is opened in the ordinary way gets files beside it.
            let ordinary = try Connection(path, .readOnly)
            #expect(try ordinary.integer("SELECT x FROM t") == 7)
            #expect(try folder.names() != names)
        }
    }
}
