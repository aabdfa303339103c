import CPostgreSQL

/// A failure reported by the server, or by the way to it.
public struct PostgreSQLError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The five characters of https://www.postgresql.org/docs/15/errcodes-appendix.html; empty if
    /// the server reported nothing.
    public let sqlState: String
    /// The server's or the client's text. It never contains a secret.
    public let message: String
    /// True if there is no connection, or it cannot be used again.
    public let isConnectionLost: Bool

    /// Creates an error.
    public init(sqlState: String = "", message: String, isConnectionLost: Bool = false) {
        self.sqlState = sqlState
        self.message = message
        self.isConnectionLost = isConnectionLost
    }

    /// The SQLSTATE, if there is one, and the message.
    public var description: String {
        sqlState.isEmpty ? "PostgreSQL: \(message)" : "PostgreSQL error \(sqlState): \(message)"
    }

    /// True if the same statements can succeed later or on another connection: a conflict with
    /// another transaction, a server that starts, stops, stands by or is full, a lost connection.
    public var mayPass: Bool {
        isConnectionLost || sqlState.hasPrefix("08") || Self.passing.contains(sqlState)
    }

    /// True if the deadline or `isCancelled` ended the work.
    public var isCancellation: Bool { sqlState == Self.cancelled }

    /// True if a commit among the statements may have taken place all the same.
    public var mayHaveCommitted: Bool {
        isConnectionLost || isCancellation || sqlState == Self.completionUnknown
    }

    /// True if the server refuses a value, or there is too much of something.
    public var isRefusal: Bool { ["22", "23", "54"].contains(sqlState.prefix(2)) }

    /// True if a prepared statement is unknown or taken, because a pooler lent another of the
    /// server's sessions. Connections made afterward with the same address name no statements.
    public var isLostStatement: Bool { sqlState == "26000" || sqlState == "42P05" }

    static let cancelled = "57014"
    /// The statement_completion_unknown of SQL.
    static let completionUnknown = "40003"

    /// Conflicts, an unknown outcome, shutdowns, a server that starts, one that only reads, too many
    /// connections, and statements that a pooler lost.
    private static let passing: Set = [
        "40001", "40P01", completionUnknown, "57P01", "57P02", "57P03", "25006", "53300", "26000",
        "42P05",
    ]

    static func lost(_ message: String, sqlState: String = "") -> PostgreSQLError {
        PostgreSQLError(sqlState: sqlState, message: message, isConnectionLost: true)
    }
}

typealias Functions = UnsafePointer<cpostgresql_functions>

/// libpq's functions, loaded on the first call.
///
/// - Throws: if libpq is missing or too old, with the package to install.
func loadLibrary() throws(PostgreSQLError) -> Functions {
    guard let functions = cpostgresql_load() else {
        throw PostgreSQLError(message: String(cString: cpostgresql_failure()))
    }
    return functions
}

/// A text of libpq's, on one line.
func line(_ text: UnsafePointer<CChar>?) -> String {
    text.map { String(cString: $0) }.map(line) ?? ""
}

/// `text` on one line.
func line(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: "; ")
}
