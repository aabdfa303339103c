import CSQLite
import SQLite

@testable import EventStore
@testable import SQLiteStore

/// Changes to a file by a malicious program, which follows none of this project's rules.
enum HostileFile {
    /// Runs `sql` on a connection that trusts the file and runs its triggers.
    static func run(_ path: String, _ sql: String) throws {
        var opened: OpaquePointer?
        defer { sqlite3_close(opened) }
        guard sqlite3_open(path, &opened) == SQLITE_OK,
            sqlite3_exec(opened, sql, nil, nil, nil) == SQLITE_OK
        else {
            throw SQLiteError(
                extendedCode: sqlite3_errcode(opened),
                message: String(cString: sqlite3_errmsg(opened)))
        }
    }

    /// Runs `sql` with types, NOT NULL and unique constraints removed, then restores the schema.
    static func plant(_ path: String, _ sql: String) throws {
        let tables =
            "name IN ('events', 'store_state', 'retention', 'search_state', 'series', 'sources')"
        let restoring = try rows(
            path,
            """
            SELECT printf('UPDATE sqlite_master SET sql = %Q WHERE name = %Q;', sql, name)
            FROM sqlite_master WHERE \(tables)
            """)
        try run(
            path,
            """
            PRAGMA writable_schema=ON;
            UPDATE sqlite_master SET sql = replace(replace(sql, ' TEXT', ''), ' NOT NULL', '') WHERE \(tables)
            """)
        try run(path, sql)
        try run(path, "PRAGMA writable_schema=ON; \(restoring.joined())")
    }

    /// Values to set a column to, as SQL.
    static let values = [
        "NULL", "-9223372036854775808", "9223372036854775807", "-1", "0", "4503599627370497",
        "1e300",
        "-1e300", "1.5", "''", "'x'", "x''", "x'00ff80'", "CAST(x'80' AS TEXT)",
        "CAST(x'ff' AS TEXT)",
        "'a' || char(0) || 'b'",
        "'{}' || char(10, 10) || 'id: 7' || char(10) || 'data: {}' || char(10, 10)",
        "'{\"a\":1},\"seq\":9'", "'9999-99-99T99:99:99.999Z'", "'2026-11-23T10:30:45.123Z'",
        "printf('%.100000c', 'x')",
    ]
}
