import SQLite

/// The schema in force, as the database itself tells it.
public struct SchemaDescription: Equatable, Sendable {
    /// A row of `schema_version`.
    public struct Migration: Equatable, Sendable {
        /// Counted from 1.
        public let version: Int64
        /// UTC, milliseconds.
        public let appliedAt: String
        /// What it did.
        public let description: String?
    }

    /// A column of a table.
    public struct Column: Equatable, Sendable {
        /// As the DDL has it.
        public let name: String
        /// The declared type.
        public let type: String
        /// Whether NULL is refused.
        public let isNotNull: Bool
        /// Whether it belongs to the primary key.
        public let isPrimaryKey: Bool
    }

    /// An index of a table.
    public struct Index: Equatable, Sendable {
        /// As the DDL has it.
        public let name: String
        /// Whether two rows may not agree in it.
        public let isUnique: Bool
        /// In order.
        public let columns: [String]
    }

    /// A table with its columns and indexes.
    public struct Table: Equatable, Sendable {
        /// As the DDL has it.
        public let name: String
        /// In order.
        public let columns: [Column]
        /// By name.
        public let indexes: [Index]
    }

    /// Oldest first.
    public let migrations: [Migration]
    /// By name; those that SQLite keeps for itself, and for a virtual one, are left out.
    public let tables: [Table]
    /// Such as `wal`.
    public let journalMode: String

    init(_ connection: Connection) throws(SQLiteError) {
        migrations = try Self.migrations(connection)
        journalMode = try connection.text("PRAGMA journal_mode") ?? ""
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
        self.tables = tables
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
