import EventStore
import SQLite

extension SchemaDescription {
    /// Reads the schema from the file.
    init(_ connection: Connection) throws(SQLiteError) {
        let names = try connection.prepare(
            """
            SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
              AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
            """
        )
        var tables: [Table] = []
        while try names.step() {
            let name = names.text(0)!
            tables.append(
                Table(
                    name: name, columns: try Self.columns(of: name, connection),
                    indexes: try Self.indexes(of: name, connection)))
        }
        self.init(
            migrations: try Self.migrations(connection), tables: tables,
            engine: [
                EngineMember("sqlite_version", .text(Connection.libraryVersion)),
                EngineMember(
                    "journal_mode", .text(try connection.text("PRAGMA journal_mode") ?? "")),
            ])
    }

    private static func migrations(_ connection: Connection) throws(SQLiteError) -> [Migration] {
        let rows = try connection.prepare(
            "SELECT version, applied_at, description FROM schema_version ORDER BY version")
        var migrations: [Migration] = []
        while try rows.step() {
            migrations.append(
                Migration(
                    version: rows.integer(0), appliedAt: rows.text(1) ?? "",
                    description: rows.text(2)))
        }
        return migrations
    }

    private static func columns(of table: String, _ connection: Connection) throws(SQLiteError)
        -> [Column]
    {
        let rows = try connection.prepare(
            "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?) ORDER BY cid")
        try rows.bind(1, table)
        var columns: [Column] = []
        while try rows.step() {
            columns.append(
                Column(
                    name: rows.text(0) ?? "", type: rows.text(1) ?? "",
                    isNotNull: rows.integer(2) != 0,
                    isPrimaryKey: rows.integer(3) != 0))
        }
        return columns
    }

    private static func indexes(of table: String, _ connection: Connection) throws(SQLiteError)
        -> [Index]
    {
        let rows = try connection.prepare(
            "SELECT name, \"unique\" FROM pragma_index_list(?) ORDER BY name")
        try rows.bind(1, table)
        let parts = try connection.prepare("SELECT name FROM pragma_index_info(?) ORDER BY seqno")
        var indexes: [Index] = []
        while try rows.step() {
            try parts.bind(1, rows.text(0))
            var columns: [String] = []
            while try parts.step() { columns.append(parts.text(0) ?? "") }
            parts.reset()
            indexes.append(
                Index(name: rows.text(0) ?? "", isUnique: rows.integer(1) != 0, columns: columns))
        }
        return indexes
    }
}
