import TestSupport
import Testing

@testable import PostgreSQL

@Suite("PgBouncer in transaction mode")
struct PoolerTests {
    private let pooler: Pooler

    init() throws { pooler = try Pooler() }

    private let statement = PostgreSQLStatement("INSERT INTO t VALUES ($1)", [.integer(1)])

    private func write(_ connection: PostgreSQLConnection) throws {
        try connection.run(
            [PostgreSQLStatement("BEGIN"), statement, PostgreSQLStatement("COMMIT")],
            deadline: farDeadline)
    }

    @Test("With pooled=true no statement is prepared by name")
    func pooled() throws {
        let connections = try (1...2).map { _ in try connect(pooler.url + "&pooled=true") }
        try connections[0].execute("CREATE TABLE t (x int8)")
        for _ in 1...3 {
            for connection in connections { try write(connection) }
        }
        #expect(try connections[0].texts("SELECT count(*)::text FROM t") == ["6"])
        #expect(
            try connections[0].texts("SELECT count(*)::text FROM pg_prepared_statements") == ["0"])
    }

    @Test("Without it, the first lost statement shows the pooler; nothing runs twice")
    func unnoticed() throws {
        let address = try PostgreSQLAddress(url: pooler.url, allowsPassword: true)
        let connections = try (1...2).map { _ in
            try PostgreSQLConnection(address, deadline: farDeadline)
        }
        try connections[0].execute("CREATE TABLE t (x int8)")
        #expect(address.namesStatements)
        // Both meet the same session of the server, where the first has taken the name.
        for _ in 1...3 {
            for connection in connections { try write(connection) }
        }
        #expect(!address.namesStatements)
        #expect(try connections[0].texts("SELECT count(*)::text FROM t") == ["6"])
    }

    @Test("A row that was lent already is not lent again: the error may pass")
    func lent() throws {
        let connection = try connect(pooler.url)
        let statements = [
            PostgreSQLStatement("BEGIN"), PostgreSQLStatement("SELECT 'x'"),
            PostgreSQLStatement("SELECT $1::text", [.text([0x61])]), PostgreSQLStatement("COMMIT"),
        ]
        #expect(try connection.texts(statements) == ["x", "a"])
        // As another client's session, which the pooler lends this one, would be.
        try connection.execute("DEALLOCATE ALL")
        let error = #expect(throws: PostgreSQLError.self) { try connection.texts(statements) }
        #expect(error?.sqlState == "26000" && error?.mayPass == true)
        #expect(try connection.texts(statements) == ["x", "a"])
    }

    @Test("The deadline cancels through the pooler")
    func deadline() throws {
        let connection = try connect(pooler.url + "&pooled=true")
        var asked = 0
        let error = #expect(throws: PostgreSQLError.self) {
            try connection.run(
                [PostgreSQLStatement("SELECT pg_sleep(600)")], deadline: farDeadline,
                isCancelled: {
                    asked += 1
                    return asked > 3
                })
        }
        #expect(error?.sqlState == "57014" && error?.isConnectionLost == false)
        #expect(try connection.texts("SELECT 'x'") == ["x"])
    }
}
