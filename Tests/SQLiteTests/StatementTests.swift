import TestSupport
import Testing

@testable import SQLite

@Suite("Statement")
struct StatementTests {
    private let connection: Connection

    init() throws {
        connection = try Connection(":memory:", .create)
        try connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
    }

    private static let texts = [
        "", "a", "é", "😀", "a\u{0}b", "\u{0}", "\u{0}\u{0}end\u{0}", "'; DROP TABLE t; --",
        "line\nline\r\n", "e\u{301}", String(repeating: "long ", count: 100_000),
    ]

    @Test("Text is returned byte for byte, copied or borrowed", arguments: texts)
    func text(_ text: String) throws {
        let insert = try connection.prepare("INSERT INTO t (x) VALUES (?)")
        try insert.bind(1, text)
        try insert.run()
        try Array(text.utf8).withUnsafeBytes { bytes in
            try insert.bind(1, borrowing: bytes)
            try insert.run()
        }
        let select = try connection.prepare("SELECT x, typeof(x), length(CAST(x AS BLOB)) FROM t")
        for _ in 1...2 {
            #expect(try select.step())
            #expect(select.text(0).map { Array($0.utf8) } == Array(text.utf8))
            #expect(select.bytes(0)?.elementsEqual(text.utf8) == true)
            #expect(select.text(1) == "text")
            #expect(select.integer(2) == text.utf8.count)
        }
        #expect(try !select.step())
    }

    @Test("A copied text may change before the statement runs")
    func copied() throws {
        let insert = try connection.prepare("INSERT INTO t (x) VALUES (?)")
        do {
            let passing = String(repeating: "x", count: 1000)
            try insert.bind(1, passing)
        }
        let other = String(repeating: "y", count: 1000)
        try insert.run()
        #expect(try connection.text("SELECT x FROM t") == String(repeating: "x", count: 1000))
        #expect(other.count == 1000)
    }

    @Test("NULL is not the empty text")
    func null() throws {
        let insert = try connection.prepare("INSERT INTO t (x) VALUES (?)")
        try insert.bind(1, "before")
        try insert.bindNull(1)
        try insert.run()
        try insert.bind(1, "before")
        try insert.bind(1, String?.none)
        try insert.run()
        try insert.bind(1, "before")
        try insert.bind(1, borrowing: nil)
        try insert.run()
        // A buffer without an address is empty; it is not NULL.
        try insert.bind(1, borrowing: UnsafeRawBufferPointer(start: nil, count: 0))
        try insert.run()
        let select = try connection.prepare("SELECT x, typeof(x) FROM t ORDER BY id")
        for _ in 1...3 {
            #expect(try select.step())
            #expect(select.text(0) == nil)
            #expect(select.bytes(0) == nil)
            #expect(select.integer(0) == 0)
            #expect(select.text(1) == "null")
        }
        #expect(try select.step())
        #expect(select.text(0) == "")
        #expect(select.bytes(0)?.count == 0)
        #expect(select.text(1) == "text")
    }

    @Test("A parameter that is not bound is NULL; one that was stays bound")
    func bindingsStay() throws {
        let select = try connection.prepare("SELECT ?, ?")
        try select.bind(2, 7)
        for _ in 1...2 {
            #expect(try select.step())
            #expect(select.text(0) == nil)
            #expect(select.integer(1) == 7)
            select.reset()
        }
    }

    @Test(
        "Numbers of 64 bits come back", arguments: [0, 1, -1, .max, .min, 1 << 53 + 1] as [Int64])
    func integers(_ number: Int64) throws {
        let select = try connection.prepare("SELECT ?, ?1")
        try select.bind(1, number)
        #expect(try select.step())
        #expect(select.integer(0) == number)
        #expect(select.text(1) == String(number))
        #expect(select.columnCount == 2)
    }

    @Test("Bytes that are not UTF-8 are lent as they are, and repaired as text")
    func invalidUTF8() throws {
        let select = try connection.prepare("SELECT CAST(x'61FF62' AS TEXT)")
        #expect(try select.step())
        #expect(select.bytes(0)?.elementsEqual([0x61, 0xFF, 0x62]) == true)
        #expect(select.text(0) == "a\u{FFFD}b")
    }

    @Test("A statement that failed can run again")
    func again() throws {
        let insert = try connection.prepare("INSERT INTO t (id) VALUES (?)")
        try insert.bind(1, 5)
        try insert.run()
        #expect(throws: SQLiteError.self) { try insert.run() }
        try insert.bind(1, 6)
        try insert.run()
        #expect(try connection.integer("SELECT count(*) FROM t") == 2)
    }

    @Test("A reset statement begins at its first row")
    func reset() throws {
        let select = try connection.prepare("VALUES (1), (2)")
        #expect(try select.step())
        #expect(try select.step())
        #expect(select.integer(0) == 2)
        select.reset()
        #expect(try select.step())
        #expect(select.integer(0) == 1)
    }

    @Test("A statement keeps its connection open")
    func lifetime() throws {
        let folder = try TemporaryFolder()
        var other: Connection? = try Connection(folder.file("a.db"), .create)
        try other?.execute("CREATE TABLE t (x); INSERT INTO t VALUES (42)")
        let select = try #require(try other?.prepare("SELECT x FROM t"))
        other = nil
        #expect(try select.step())
        #expect(select.integer(0) == 42)
    }

    @Test(
        "An invalid statement is refused",
        arguments: [
            ("", 21, "there is no statement in the text"),
            ("-- nothing", 21, "there is no statement in the text"),
            ("SELEC 1", 1, "near \"SELEC\": syntax error"),
            ("SELECT 'x", 1, "unrecognized token: \"'x\""),
            ("SELECT y FROM t", 1, "no such column: y"),
            ("SELECT 1 FROM nowhere", 1, "no such table: nowhere"),
        ] as [(String, Int32, String)])
    func refused(sql: String, code: Int32, message: String) {
        #expect(throws: SQLiteError(extendedCode: code, message: message)) {
            _ = try connection.prepare(sql)
        }
    }

    @Test("A parameter that is not there is out of range")
    func range() throws {
        let select = try connection.prepare("SELECT ?")
        for index in [0, 2, -1] as [Int32] {
            // SQLITE_RANGE
            #expect(throws: SQLiteError.self) { try select.bind(index, 1) }
            let error = #expect(throws: SQLiteError.self) { try select.bind(index, "x") }
            #expect(error?.code == 25)
            #expect(throws: SQLiteError.self) { try select.bindNull(index) }
            #expect(throws: SQLiteError.self) { try select.bind(index, borrowing: nil) }
        }
    }
}
