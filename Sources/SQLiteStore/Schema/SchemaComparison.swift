import SQLite

/// Compares a file's schema with that of its version, by SQLite's own description of tables,
/// columns and indexes. Never by the text of the DDL, which other programs write differently.
struct SchemaComparison {
    /// The distinguishing features of an index.
    private struct Index {
        /// The index as DDL would describe it.
        let description: String
        /// True if it came with its table.
        let isImplied: Bool
        /// True if it only costs a write. A unique index refuses events, and an expression or a
        /// condition may do anything or take any time at each event.
        let isPlain: Bool
    }

    private let connection: Connection

    /// The first part of the schema on `connection` that is not Logbook's, as a noun; nil if
    /// everything is as `migrations` make it or harmless: other tables, and plain indexes.
    ///
    /// - Parameter isWhole: true if all tables and named indexes must be there.
    static func difference(
        _ connection: Connection, from migrations: some Sequence<Migration>,
        _ context: MigrationContext, isWhole: Bool
    ) throws(SQLiteError) -> String? {
        let own = SchemaComparison(connection: try Connection(":memory:", .create))
        for migration in migrations { try migration.apply(own.connection, context) }
        let found = SchemaComparison(connection: connection)
        if let active = try found.activeObject() { return active }
        for table in try own.tables() {
            if let difference = try found.difference(of: table, from: own, isWhole) {
                return difference
            }
        }
        return nil
    }

    /// A trigger or a view. Logbook makes none and runs none, but other programs do.
    private func activeObject() throws(SQLiteError) -> String? {
        try connection.text(
            """
            SELECT 'the ' || type || ' ' || name || iif(type = 'trigger', ' on ' || tbl_name, '')
            FROM sqlite_master WHERE type NOT IN ('table', 'index') ORDER BY type, name LIMIT 1
            """)
    }

    private func difference(
        of table: String, from own: SchemaComparison, _ isWhole: Bool
    ) throws(SQLiteError) -> String? {
        let kind = try kind(of: table)
        guard isWhole || kind != nil else { return nil }
        guard try kind == own.kind(of: table) else {
            return kind.map { "\($0) \(table)" } ?? "no table \(table)"
        }
        let columns = try columns(of: table)
        let wanted = try own.columns(of: table)
        for place in 0..<max(columns.count, wanted.count) {
            guard place < columns.count else {
                return "no column \(wanted[place]) in the table \(table)"
            }
            guard place < wanted.count, columns[place] == wanted[place] else {
                return "the column \(columns[place]) in the table \(table)"
            }
        }
        let key = try connection.prepare("SELECT \"from\" FROM pragma_foreign_key_list(?)")
        try key.bind(1, table)
        if try key.step() {
            return "a foreign key in the column \(key.text(0) ?? "") of the table \(table)"
        }
        return try differenceOfIndexes(of: table, from: own, isWhole)
    }

    private func differenceOfIndexes(
        of table: String, from own: SchemaComparison, _ isWhole: Bool
    ) throws(SQLiteError) -> String? {
        let found = try indexes(of: table)
        let wanted = try own.indexes(of: table)
        let descriptions = found.map(\.description)
        if let missing = wanted.first(where: {
            (isWhole || $0.isImplied) && !descriptions.contains($0.description)
        }) {
            return "no index \(missing.description)"
        }
        let known = wanted.map(\.description)
        return found.first { !$0.isPlain && !known.contains($0.description) }
            .map { "the index \($0.description)" }
    }

    // MARK: What SQLite tells

    private func tables() throws(SQLiteError) -> [String] {
        try texts(
            """
            SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
              AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
            """)
    }

    /// The kind of a table, such as `the table`; nil if there is none.
    private func kind(of table: String) throws(SQLiteError) -> String? {
        try texts(
            """
            SELECT 'the ' || type || iif(type = 'table', '', ' table') || iif(strict, ', STRICT,', '')
              || iif(wr, ', WITHOUT ROWID,', '')
            FROM pragma_table_list(?) WHERE schema = 'main'
            """, table
        ).first
    }

    private func columns(of table: String) throws(SQLiteError) -> [String] {
        try texts(
            """
            SELECT name || ' ' || upper(type) || iif("notnull", ' NOT NULL', '')
              || coalesce(' DEFAULT ' || dflt_value, '') || iif(pk, ' PRIMARY KEY ' || pk, '')
              || iif(hidden, ' (hidden or generated)', '')
            FROM pragma_table_xinfo(?) ORDER BY cid
            """, table)
    }

    private func indexes(of table: String) throws(SQLiteError) -> [Index] {
        let list = try connection.prepare(
            "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?) ORDER BY name")
        try list.bind(1, table)
        let parts = try connection.prepare(
            """
            SELECT CASE cid WHEN -2 THEN '(an expression)' WHEN -1 THEN 'rowid' ELSE name END
              || iif(coll = 'BINARY', '', ' COLLATE ' || coll) || iif("desc", ' DESC', ''),
              cid = -2 OR coll NOT IN ('BINARY', 'NOCASE', 'RTRIM')
            FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno
            """)
        var indexes: [Index] = []
        while try list.step() {
            let name = list.text(0) ?? ""
            let isUnique = list.integer(1) != 0
            let isImplied = list.text(2) != "c"
            let isPartial = list.integer(3) != 0
            try parts.bind(1, name)
            defer { parts.reset() }
            var columns: [String] = []
            var isPlain = !isUnique && !isImplied && !isPartial
            while try parts.step() {
                columns.append(parts.text(0) ?? "")
                if parts.integer(1) != 0 { isPlain = false }
            }
            indexes.append(
                Index(
                    // An implied index is named after its table in any case.
                    description:
                        "\(isUnique ? "UNIQUE " : "")\(isImplied ? "" : name) on \(table) ("
                        + columns.joined(separator: ", ") + (isPartial ? ") WHERE …" : ")"),
                    isImplied: isImplied, isPlain: isPlain))
        }
        return indexes
    }

    private func texts(_ sql: String, _ parameter: String? = nil) throws(SQLiteError) -> [String] {
        let statement = try connection.prepare(sql)
        if let parameter { try statement.bind(1, parameter) }
        var texts: [String] = []
        while try statement.step() { texts.append(statement.text(0) ?? "") }
        return texts
    }
}
