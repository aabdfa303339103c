import CLinux
import PostgreSQL
import TestSupport

/// A deadline that no test reaches on purpose.
var farDeadline: UInt64 { clinux_monotonic_nanoseconds() + 600_000_000_000 }

/// A connection to a database of its own.
func makeConnection() throws -> PostgreSQLConnection {
    try connect(PostgreSQLServer.database())
}

func connect(_ url: String) throws -> PostgreSQLConnection {
    let address = try PostgreSQLAddress(url: url, allowsPassword: true)
    return try PostgreSQLConnection(address, deadline: farDeadline)
}

extension PostgreSQLConnection {
    /// Runs statements and gathers the first column of all rows as text.
    func texts(_ statements: [PostgreSQLStatement]) throws(PostgreSQLError) -> [String?] {
        var texts: [String?] = []
        try run(statements, deadline: farDeadline) { _, row in
            texts.append(row.text(0))
            return true
        }
        return texts
    }

    /// Runs one statement and gathers the first column of all rows as text.
    func texts(_ sql: String, _ values: [PostgreSQLValue] = []) throws(PostgreSQLError) -> [String?]
    {
        try texts([PostgreSQLStatement(sql, values)])
    }

    /// Runs statements without parameters.
    func execute(_ statements: String...) throws(PostgreSQLError) {
        try run(statements.map { PostgreSQLStatement($0) }, deadline: farDeadline)
    }
}
