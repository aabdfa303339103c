import CLinux
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQL

@Suite("PostgreSQLConnection")
struct PostgreSQLConnectionTests {
    private let connection: PostgreSQLConnection

    init() throws { connection = try makeConnection() }

    // MARK: Values

    private static let texts = [
        "", "a", "é", "😀", "'; DROP TABLE t; --", "{\"a\",NULL}", "\\x00", "line\nline\r\n",
        String(repeating: "long ", count: 100_000),
    ]

    @Test("Text is returned byte for byte", arguments: texts)
    func text(_ text: String) throws {
        #expect(try connection.texts("SELECT $1::text", [.text(Array(text.utf8))]) == [text])
    }

    @Test("Integers of every width")
    func integers() throws {
        for value in [Int64.min, -1, 0, 1, .max] {
            var returned: [Int64] = []
            try connection.run(
                [PostgreSQLStatement("SELECT $1::int8", [.integer(value)])], deadline: farDeadline
            ) { _, row in
                returned.append(row.integer(0))
                return true
            }
            #expect(returned == [value])
        }
        var returned: [Int64] = []
        try connection.run(
            [PostgreSQLStatement("SELECT (-2)::int2, (-3)::int4, true, NULL::int8")],
            deadline: farDeadline
        ) { _, row in
            returned = (0..<4).map { row.integer($0) }
            #expect(row.isNull(3) && !row.isNull(0))
            #expect(row.bytes(3) == nil)
            return true
        }
        #expect(returned == [-2, -3, 1, 0])
    }

    @Test("Arrays, with NULL among them, and empty")
    func arrays() throws {
        let texts: [String?] = ["a", nil, "", "é"]
        #expect(
            try connection.texts(
                "SELECT unnest($1::text[])", [.texts(texts.map { $0.map { Array($0.utf8) } })])
                == texts)
        #expect(try connection.texts("SELECT unnest($1::text[])", [.texts([])]) == [])
        #expect(
            try connection.texts(
                "SELECT unnest($1::int8[])::text", [.integers([.min, nil, 7])])
                == ["\(Int64.min)", nil, "7"])
        #expect(
            try connection.texts("SELECT cardinality($1::int8[])::text", [.integers([])]) == ["0"])
        #expect(try connection.texts("SELECT unnest($1::text[])", [.null]) == [])
    }

    @Test("NULL first, then a value, and the other way around")
    func nullParameter() throws {
        let sql = "SELECT coalesce($1, 1000000000000)::text"
        #expect(try connection.texts(sql, [.null]) == ["1000000000000"])
        #expect(try connection.texts(sql, [.integer(5)]) == ["5"])
        #expect(try connection.texts(sql, [.null]) == ["1000000000000"])
    }

    @Test("U+0000 is refused by the server, and the connection stays")
    func nul() throws {
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.texts("SELECT $1::text", [.text([0x61, 0, 0x62])])
        }
        #expect(error?.sqlState == "22021")
        #expect(try connection.texts("SELECT 'x'") == ["x"])
    }

    @Test("16 MB there and back, in one text and in an array")
    func large() throws {
        let text = [UInt8](repeating: 0x61, count: 16 << 20)
        var count = 0
        try connection.run(
            [
                PostgreSQLStatement("SELECT $1::text", [.text(text)]),
                PostgreSQLStatement(
                    "SELECT unnest($1::text[])",
                    [.texts(Array(repeating: Array("0123456789abcdef".utf8), count: 1 << 20))]),
            ], deadline: farDeadline
        ) { _, row in
            count += row.bytes(0)?.count ?? 0
            return true
        }
        #expect(count == 32 << 20)
    }

    // MARK: Statements

    @Test("Rows come in the order of the statements, with their index and counts")
    func pipeline() throws {
        var rows: [[Int64]] = []
        let counts = try connection.run(
            [
                PostgreSQLStatement("BEGIN"),
                PostgreSQLStatement("CREATE TABLE t (x int8)"),
                PostgreSQLStatement(
                    "INSERT INTO t SELECT unnest($1::int8[]) RETURNING x", [.integers([1, 2, 3])]),
                PostgreSQLStatement(
                    "UPDATE t SET x = x + $1 WHERE x > $2", [.integer(10), .integer(1)]),
                PostgreSQLStatement("SELECT x FROM t ORDER BY x"),
                PostgreSQLStatement("COMMIT"),
            ], deadline: farDeadline
        ) { statement, row in
            rows.append([Int64(statement), row.integer(0)])
            return true
        }
        #expect(rows == [[2, 1], [2, 2], [2, 3], [4, 1], [4, 12], [4, 13]])
        #expect(counts == [0, 0, 3, 2, 3, 0])
        #expect(!connection.isInTransaction)
    }

    @Test("The rest of a statement's rows are skipped, and not those of the next one")
    func earlyEnd() throws {
        var rows: [Int64] = []
        let sql = "SELECT i FROM generate_series(1, $1) i"
        try connection.run(
            [
                PostgreSQLStatement(sql, [.integer(100_000)]),
                PostgreSQLStatement(sql, [.integer(1)]),
            ], deadline: farDeadline
        ) { _, row in
            rows.append(row.integer(0))
            return rows.count != 3
        }
        #expect(rows == [1, 2, 3, 1])
    }

    @Test("A statement is prepared once, and names are forgotten above their number")
    func names() throws {
        for _ in 1...3 { _ = try connection.texts("SELECT $1::text", [.text([0x61])]) }
        let names = "SELECT count(*)::text FROM pg_prepared_statements"
        #expect(try connection.texts(names) == ["1"])
        for number in 1...300 {
            _ = try connection.texts("SELECT $1::text || '\(number)'", [.text([0x61])])
        }
        let count = try #require(try connection.texts(names).first.flatMap { $0 }.flatMap(Int.init))
        #expect((1...128).contains(count))
        #expect(count == connection.nameCount)
        let many = (1...300).map {
            PostgreSQLStatement("SELECT $1::text || '\($0)'", [.text([0x62])])
        }
        #expect(try connection.texts(many) == (1...300).map { "b\($0)" })
    }

    @Test("No statements are one round trip, too")
    func nothing() throws {
        #expect(try connection.run([], deadline: farDeadline) == [])
        #expect(try connection.texts("SELECT 'x'") == ["x"])
    }

    // MARK: Errors

    @Test("An error has its SQLSTATE and ends the transaction and what follows")
    func rollback() throws {
        try connection.execute("CREATE TABLE t (x int8 UNIQUE)")
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.execute(
                "BEGIN", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)",
                "INSERT INTO t VALUES (2)", "COMMIT")
        }
        #expect(error?.sqlState == "23505")
        #expect(error?.message.contains("duplicate key") == true)
        #expect(error?.mayPass == false && error?.isConnectionLost == false)
        #expect(!connection.isInTransaction)
        #expect(try connection.texts("SELECT count(*)::text FROM t") == ["0"])
        // The same without BEGIN, and with one of an earlier call.
        _ = #expect(throws: PostgreSQLError.self) {
            try connection.execute("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)")
        }
        try connection.execute("BEGIN", "INSERT INTO t VALUES (1)")
        #expect(connection.isInTransaction)
        _ = #expect(throws: PostgreSQLError.self) { try connection.execute("SELECT 1 / 0") }
        #expect(!connection.isInTransaction)
        #expect(try connection.texts("SELECT count(*)::text FROM t") == ["0"])
    }

    @Test("A statement whose preparation failed can be prepared later")
    func failedPreparation() throws {
        let insert = PostgreSQLStatement("INSERT INTO t VALUES ($1)", [.integer(1)])
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.run([insert], deadline: farDeadline)
        }
        #expect(error?.sqlState == "42P01")
        #expect(connection.nameCount == 0)
        let counts = try connection.run(
            [PostgreSQLStatement("CREATE TABLE t (x int8)"), insert], deadline: farDeadline)
        #expect(counts == [0, 1])
    }

    @Test("A conflict, a read-only server and a lost connection may pass")
    func mayPass() {
        for state in ["40001", "40P01", "57P01", "57P03", "08006", "25006", "53300", "26000"] {
            #expect(PostgreSQLError(sqlState: state, message: "").mayPass)
        }
        for state in ["", "23505", "57014", "42601", "28P01"] {
            #expect(!PostgreSQLError(sqlState: state, message: "").mayPass)
        }
        #expect(PostgreSQLError(message: "", isConnectionLost: true).mayPass)
    }

    // MARK: Deadlines

    @Test("The deadline cancels what the server does, and the connection stays")
    func deadline() throws {
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.run(
                [PostgreSQLStatement("BEGIN"), PostgreSQLStatement("SELECT pg_sleep(600)")],
                deadline: clinux_monotonic_nanoseconds() + 200_000_000)
        }
        #expect(error?.sqlState == "57014" && error?.isCancellation == true)
        #expect(error?.isConnectionLost == false)
        #expect(!connection.isInTransaction)
        #expect(try connection.texts("SELECT 'x'") == ["x"])
    }

    @Test("isCancelled cancels what the server does, also between rows")
    func cancellation() throws {
        for sql in ["SELECT pg_sleep(600)", "SELECT generate_series(1, 10000000000)"] {
            var asked = 0
            func isCancelled() -> Bool {
                asked += 1
                return asked > 2
            }
            let error = #expect(throws: PostgreSQLError.self) {
                try connection.run(
                    [PostgreSQLStatement(sql)], deadline: farDeadline, isCancelled: isCancelled
                ) { _, _ in true }
            }
            #expect(error?.sqlState == "57014" && error?.isConnectionLost == false)
            #expect(try connection.texts("SELECT 'x'") == ["x"])
        }
    }

    @Test("After the deadline nothing is sent, and an open transaction ends")
    func late() throws {
        try connection.execute("BEGIN", "CREATE TABLE t (x int8)")
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.run([PostgreSQLStatement("COMMIT")], deadline: 1)
        }
        #expect(error?.sqlState == "57014")
        #expect(!connection.isInTransaction)
        #expect(try connection.texts("SELECT to_regclass('t')::text") == [nil])
    }

    // MARK: Lost connections

    /// Ends the session of `connection` from another one.
    private func terminate() throws {
        let pid = try #require(try connection.texts("SELECT pg_backend_pid()::text")[0])
        let server = try PostgreSQLServer.shared.get()
        #expect(try server.query("SELECT pg_terminate_backend(\(pid), 60000)") == "t")
    }

    @Test("A session that was ended is a lost connection")
    func terminated() throws {
        try terminate()
        let error = #expect(throws: PostgreSQLError.self) { try connection.execute("SELECT 1") }
        #expect(error?.isConnectionLost == true && error?.mayPass == true)
        #expect(connection.isLost)
        _ = #expect(throws: PostgreSQLError.self) { try connection.execute("SELECT 1") }
    }

    @Test("A session that ends itself between two statements is a lost connection")
    func terminatedMeanwhile() throws {
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.execute(
                "BEGIN", "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_sleep(600)")
        }
        #expect(error?.sqlState == "57P01")
        #expect(error?.isConnectionLost == true && connection.isLost)
    }

    @Test("A connection without a server is lost, in time, and the next host is tried")
    func unreachable() throws {
        let url = try PostgreSQLServer.database()
        let folder = try TemporaryFolder()
        let nowhere = PostgreSQLServer.escaped(folder.path)
        let error = #expect(throws: PostgreSQLError.self) {
            try connect("postgresql://u@/e?host=\(nowhere)")
        }
        #expect(error?.isConnectionLost == true)
        let both = url.replacing("?host=", with: "?host=\(nowhere),")
        #expect(try connect(both).texts("SELECT 'x'") == ["x"])
    }

    @Test("A server that accepts and stays silent takes only its share of the time")
    func silent() throws {
        let silent = SilentServer()
        let error = #expect(throws: PostgreSQLError.self) {
            try PostgreSQLConnection(
                try PostgreSQLAddress(
                    url: "postgresql://u@127.0.0.1:\(silent.port)/e", allowsPassword: true),
                deadline: clinux_monotonic_nanoseconds() + 200_000_000)
        }
        #expect(error?.isConnectionLost == true)
        #expect(error?.message.hasSuffix("no answer in time") == true)
        let server = try PostgreSQLServer.shared.get()
        let folder = PostgreSQLServer.escaped(server.folder)
        let database = try server.makeDatabase()
        let next = try connect(
            "postgresql://logbook@/\(database)?host=127.0.0.1,\(folder)"
                + "&port=\(silent.port),\(server.port)&connect_timeout=1")
        #expect(try next.texts("SELECT 'x'") == ["x"])
    }

    @Test("What the server says while connecting has its SQLSTATE")
    func refused() throws {
        let server = try PostgreSQLServer.shared.get()
        let error = #expect(throws: PostgreSQLError.self) {
            try connect(server.url("missing"))
        }
        #expect(error?.sqlState == "3D000")
        #expect(error?.mayPass == false)
        #expect(error?.message.hasSuffix("database \"missing\" does not exist") == true)
    }

    @Test("A database that does not store UTF-8 is refused")
    func encoding() throws {
        let server = try PostgreSQLServer.shared.get()
        let database = try server.makeDatabase() + "_latin"
        _ = try server.query(
            "CREATE DATABASE \(database) ENCODING 'LATIN1' TEMPLATE template0")
        let error = #expect(throws: PostgreSQLError.self) { try connect(server.url(database)) }
        #expect(error?.message.contains("LATIN1") == true)
        #expect(error?.mayPass == false)
    }

    @Test("Connections close with their last reference, also those refused")
    func closing() throws {
        let server = try PostgreSQLServer.shared.get()
        let database = try server.makeDatabase()
        let count = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE '\(database)%'"
        let latin = database + "_latin"
        _ = try server.query("CREATE DATABASE \(latin) ENCODING 'LATIN1' TEMPLATE template0")
        do {
            let open = try connect(server.url(database))
            _ = #expect(throws: PostgreSQLError.self) { try connect(server.url(latin)) }
            #expect(try open.texts("SELECT 'x'") == ["x"])
        }
        // A server's process ends a moment after its connection.
        var left = ""
        for _ in 1...300 where left != "0" { left = try server.query(count) }
        #expect(left == "0")
    }

    @Test("A commit that stops waiting for its standby is not reported as done")
    func unreplicated() throws {
        let server = try PostgreSQLServer(settings: ["synchronous_standby_names = 'missing'"])
        // In no database of its own, because CREATE DATABASE would wait as well.
        let lonely = try connect(server.url("postgres"))
        let pid = try #require(try lonely.texts("SELECT pg_backend_pid()::text")[0])
        let ended = Ended()
        let canceller = Thread {
            while !ended.flag.load(ordering: .relaxed) {
                _ = try? server.query(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = \(pid) "
                        + "AND wait_event = 'SyncRep'")
            }
        }
        canceller.start()
        let error = #expect(throws: PostgreSQLError.self) {
            try lonely.execute("BEGIN", "CREATE TABLE t (x int8)", "COMMIT")
        }
        ended.flag.store(true, ordering: .relaxed)
        #expect(error?.sqlState == "40003" && error?.mayPass == true)
    }
}

private final class Ended: Sendable {
    let flag = Atomic(false)
}

/// A listener whose connections get no byte.
private final class SilentServer {
    let port: UInt16
    private let listener: Int32

    init() { (listener, port) = loopbackSocket() }

    deinit { close(listener) }
}
