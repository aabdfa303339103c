import EventStore
import Events
import Logging
import PostgreSQL

/// The schema of a database in PostgreSQL: made by whoever starts first, and compared with this
/// program's by everybody. All its tables are in the first schema of the connection's search path.
///
/// Versions have the numbers and sentences of the SQLite file's; version 1 was never in PostgreSQL.
struct PostgreSQLSchema {
    /// The latest version that this program knows.
    static let latest = 2
    private static let description = "Logbook's own schema"

    private let address: String
    private let logger: Logger

    init(_ address: PostgreSQLAddress, logger: Logger) {
        self.address = address.description
        self.logger = logger
    }

    /// The expression for the server's time, in milliseconds.
    static let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    /// The expression, in a query of `store_state`, for the highest seq that an event has or had.
    static let headSeq = "greatest(floor_seq, (SELECT max(seq) FROM events))"

    // MARK: Locks

    /// Advisory locks of transactions, by a number and the schema. The number is "LogB" and the
    /// following ones, so that no other program has the same.
    enum Lock: Int {
        /// Held while events get their seqs, until they can be seen.
        case head = 0x4C6F_6742
        /// Held while the occurrences of revisions are computed, before `head`.
        case series
        /// Held while tables are made.
        case schema

        /// Takes the lock until the end of the transaction.
        var statement: PostgreSQLStatement { PostgreSQLStatement("SELECT \(call)") }

        var call: String { "pg_advisory_xact_lock(\(rawValue), hashtext(current_schema()))" }
    }

    // MARK: Preparing

    /// Makes the tables if there are none.
    ///
    /// - Returns: the version in force.
    func prepare(_ connection: PostgreSQLConnection, deadline: UInt64) throws -> Int {
        var found = try version(connection, deadline)
        let isNew = found == nil
        if isNew {
            try create(connection, deadline)
            found = try version(connection, deadline)
        }
        guard let found else {
            throw SchemaError.failed("\(address) has no tables, although they were just made")
        }
        guard found <= Self.latest else {
            throw SchemaError.refused(
                "\(address) has schema version \(found), and this program knows versions up to \(Self.latest); the database was left as it is. Run a newer logbook."
            )
        }
        guard found == Self.latest else {
            throw SchemaError.refused(
                "\(address) has schema version \(found), which is not Logbook's; \(Self.advice)"
            )
        }
        try compare(connection, deadline)
        try compareParts(connection, deadline)
        if !isNew { logger.info("Using existing database with schema version \(found)") }
        return found
    }

    /// The version that the database records; nil if it is empty.
    private func version(
        _ connection: PostgreSQLConnection, _ deadline: UInt64
    ) throws -> Int? {
        let tables = try columns(connection, deadline)
        guard let ledger = tables["schema_version"] else {
            guard let taken = Self.tables.keys.sorted().first(where: { tables[$0] != nil }) else {
                return nil
            }
            throw SchemaError.refused(
                "\(address) has a table \(taken) that is not Logbook's; \(Self.advice)"
            )
        }
        guard ledger == Self.tables["schema_version"] else {
            throw SchemaError.refused(
                "\(address) has a table schema_version that is not ours (columns \(ledger.joined(separator: ", "))); \(Self.advice)"
            )
        }
        var version: Int?
        try connection.run(
            [PostgreSQLStatement("SELECT max(version) FROM schema_version")], deadline: deadline
        ) { _, row in
            if !row.isNull(0) { version = Int(row.integer(0)) }
            return false
        }
        return version ?? 0
    }

    /// Makes all tables in one transaction. Of many starters one does, and the others wait for it.
    private func create(_ connection: PostgreSQLConnection, _ deadline: UInt64) throws {
        try connection.run(
            [PostgreSQLStatement("BEGIN"), Lock.schema.statement], deadline: deadline)
        if try version(connection, deadline) != nil {
            try connection.run([PostgreSQLStatement("COMMIT")], deadline: deadline)
            return
        }
        do throws(PostgreSQLError) {
            try makeTables(connection, deadline)
        } catch {
            throw refusal(error) ?? error
        }
        logger.info("Database initialized successfully with schema version \(Self.latest)")
    }

    private func makeTables(
        _ connection: PostgreSQLConnection, _ deadline: UInt64
    ) throws(PostgreSQLError) {
        try connection.run(
            Self.ddl.map { PostgreSQLStatement($0) } + [
                PostgreSQLStatement(
                    """
                    INSERT INTO schema_version SELECT \(Self.latest),
                      to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), $1
                    """, [.text(Array(Self.description.utf8))]), PostgreSQLStatement("COMMIT"),
            ], deadline: deadline)
    }

    private static let advice =
        "it was left as it is. Use another database, or another schema by ?options=-csearch_path%3DNAME."

    /// The sentence for what only the database's owner can mend; nil for any other error.
    private func refusal(_ error: PostgreSQLError) -> (any Error)? {
        switch error.sqlState {
        case "3F000":
            SchemaError.refused(
                "\(address) names no schema that exists; run CREATE SCHEMA, or name another by ?options=-csearch_path%3DNAME."
            )
        case "42501":
            SchemaError.refused(
                "\(address): the user may not make tables (\(error.message)); run GRANT CREATE ON SCHEMA, or name another schema by ?options=-csearch_path%3DNAME."
            )
        // A table without columns, an index, a sequence, a function.
        case "42P07", "42710", "42723":
            SchemaError.refused(
                "\(address) has something that is not Logbook's (\(error.message)); \(Self.advice)")
        default: nil
        }
    }

    /// Refuses a database whose tables have other columns.
    private func compare(_ connection: PostgreSQLConnection, _ deadline: UInt64) throws {
        let found = try columns(connection, deadline)
        for (table, columns) in Self.tables.sorted(by: { $0.key < $1.key }) {
            guard found[table] == columns else {
                let there = found[table]?.joined(separator: ", ") ?? "none"
                throw SchemaError.refused(
                    "The columns of \(table) in \(address) are not those of schema version \(Self.latest): \(there); it was left as it is."
                )
            }
        }
    }

    /// Refuses a database that lacks an index or the function, or has another one of its name.
    /// Settings of indexes, and further ones, are the operator's.
    private func compareParts(_ connection: PostgreSQLConnection, _ deadline: UInt64) throws {
        var found: Set<String> = []
        try connection.run(
            [
                PostgreSQLStatement(
                    """
                    WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                    SELECT regexp_replace(pg_get_indexdef(x.indexrelid, 0, true), ' WITH [(].*', '')
                    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                    WHERE i.relnamespace IN (SELECT oid FROM here) AND x.indisvalid AND x.indpred IS NULL
                    UNION ALL
                    SELECT prosrc FROM pg_proc WHERE pronamespace IN (SELECT oid FROM here)
                    """)
            ], deadline: deadline
        ) { _, row in
            found.insert(row.text(0) ?? "")
            return true
        }
        for part in Self.parts where !found.contains(part.definition) {
            throw SchemaError.refused(
                "\(address) has no \(part.name) as schema version \(Self.latest) has it; it was left as it is. \(part.cure)."
            )
        }
    }

    /// The columns of each table in the current schema, as `name type`.
    private func columns(
        _ connection: PostgreSQLConnection, _ deadline: UInt64
    ) throws -> [String: [String]] {
        var tables: [String: [String]] = [:]
        try connection.run(
            [
                PostgreSQLStatement(
                    """
                    SELECT c.relname::text, a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
                    ORDER BY c.relname, a.attnum
                    """)
            ], deadline: deadline
        ) { _, row in
            tables[row.text(0) ?? "", default: []].append(row.text(1) ?? "")
            return true
        }
        return tables
    }

    // MARK: Version 2

    private static let tables: [String: [String]] = [
        "schema_version": ["version bigint", "applied_at text", "description text"],
        "events": [
            "seq bigint", "id text", "event_type text", "severity text", "title text",
            "object_kind text", "object_namespace text", "object_name text", "cluster text",
            "reason text", "occurrences bigint", "fold_key bigint", "received_at bigint",
            "created_at text", "description text", "metadata text", "words tsvector",
        ],
        "store_state": [
            "clock bigint", "aged_to bigint", "floor_seq bigint", "epoch bigint",
            "epoch_start bigint",
            "timeline text",
        ],
        "retention": ["severity text", "passed_seq bigint", "removed_seq bigint"],
        "series": ["key text", "count bigint", "removed bigint", "received_at bigint"],
        "sources": ["name text", "observed_at bigint"],
        "leases": ["name text", "owner text", "until timestamp with time zone"],
    ]

    /// The indexes and the function: name, definition, and the way to get one that was lost.
    private static let parts: [(name: String, definition: String, cure: String)] = {
        let indexes = ddl.filter { $0.contains(" INDEX ") }
        // The first column is the primary key, where there is one.
        let keys = tables.filter { $0.key != "store_state" }.map { table, columns in
            "CREATE UNIQUE INDEX \(table)_pkey ON \(table) USING btree (\(columns[0].prefix { $0 != " " }))"
        }
        let function = "function logbook_append"
        let source = String(append.split(separator: "$$")[1])
        return (indexes + keys.sorted()).map { definition in
            let words = definition.split(separator: " ")
            let place = words.firstIndex(of: "INDEX")!
            return ("index \(words[place + 1])", definition, "Run \(definition)")
        } + [(function, source, "Take it from a new database: pg_dump --schema-only")]
    }()

    private static let ddl = [
        """
        CREATE TABLE schema_version (
          version bigint PRIMARY KEY,
          applied_at text NOT NULL,
          description text
        )
        """,
        """
        CREATE TABLE events (
          seq bigint PRIMARY KEY,
          id text COLLATE "C" NOT NULL,
          event_type text COLLATE "C" NOT NULL,
          severity text COLLATE "C" NOT NULL,
          title text COLLATE "C" NOT NULL,
          object_kind text COLLATE "C",
          object_namespace text COLLATE "C",
          object_name text COLLATE "C",
          cluster text COLLATE "C",
          reason text COLLATE "C",
          occurrences bigint NOT NULL DEFAULT 1,
          fold_key bigint,
          received_at bigint NOT NULL,
          created_at text COLLATE "C" NOT NULL,
          description text COLLATE "C",
          metadata text COLLATE "C",
          words tsvector NOT NULL
        ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)
        """,
        // As pg_get_indexdef tells them.
        "CREATE UNIQUE INDEX idx_events_id ON events USING btree (id)",
        "CREATE INDEX idx_events_created ON events USING btree (created_at, seq)",
        "CREATE INDEX idx_events_type ON events USING btree (event_type, created_at, seq)",
        "CREATE INDEX idx_events_severity ON events USING btree (severity, created_at, seq)",
        "CREATE INDEX idx_events_object ON events USING btree (object_name, created_at, seq)",
        "CREATE INDEX idx_events_fold ON events USING btree (fold_key, created_at, seq)",
        "CREATE INDEX idx_events_words ON events USING gin (words)",
        """
        CREATE TABLE store_state (
          clock bigint NOT NULL,
          aged_to bigint NOT NULL,
          floor_seq bigint NOT NULL,
          epoch bigint NOT NULL,
          epoch_start bigint NOT NULL,
          timeline text COLLATE "C" NOT NULL
        )
        """,
        "INSERT INTO store_state VALUES (0, \(now), 0, 1, 0, '')",
        """
        CREATE TABLE retention (
          severity text COLLATE "C" PRIMARY KEY,
          passed_seq bigint NOT NULL,
          removed_seq bigint NOT NULL
        )
        """,
        "INSERT INTO retention VALUES ('info', 0, 0), ('warning', 0, 0), ('error', 0, 0), ('critical', 0, 0)",
        """
        CREATE TABLE series (
          key text COLLATE "C" PRIMARY KEY,
          count bigint NOT NULL,
          removed bigint NOT NULL,
          received_at bigint NOT NULL
        )
        """,
        """
        CREATE TABLE sources (
          name text COLLATE "C" PRIMARY KEY,
          observed_at bigint NOT NULL
        )
        """,
        """
        CREATE TABLE leases (
          name text COLLATE "C" PRIMARY KEY,
          owner text COLLATE "C" NOT NULL,
          until timestamptz NOT NULL
        )
        """,
        append,
    ]

    /// Stores events: `SELECT base, moment FROM logbook_append(…)` gives the seq before the first
    /// one's and the store's time in milliseconds. As a function, because everything must have
    /// arrived at the server before the lock is taken, and what is stored must be seen by the next
    /// holder: each statement in it has a snapshot of its own.
    private static let append = """
        CREATE FUNCTION logbook_append(
          \(EventField.texts.map { "p_\($0.name) text[]" }.joined(separator: ", ")),
          p_occurrences bigint[], p_received_at bigint[], p_fold_key bigint[], p_words text[],
          p_keeps_times boolean, p_replicated boolean,
          OUT base bigint, OUT moment bigint
        ) LANGUAGE plpgsql AS $$
        BEGIN
          IF p_replicated AND current_setting('synchronous_standby_names') = '' THEN
            RAISE 'synchronous_standby_names is empty' USING ERRCODE = '\(noStandby)';
          END IF;
          PERFORM \(Lock.head.call);
          SELECT greatest(s.floor_seq, n.seq),
            greatest(s.clock, n.received_at, \(now))
            INTO base, moment
            FROM store_state s
            LEFT JOIN LATERAL (SELECT seq, received_at FROM events ORDER BY seq DESC LIMIT 1) n ON true;
          INSERT INTO events (
            seq, \(EventField.texts.map { "\($0.name)" }.joined(separator: ", ")),
            occurrences, received_at, fold_key, words)
          SELECT base + e.place, \(EventField.texts.map { "e.\($0.name)" }.joined(separator: ", ")),
            e.occurrences, least(e.received_at, moment), e.fold_key,
            array_to_tsvector(string_to_array(e.words, ' '))
          FROM unnest(\(EventField.texts.map { "p_\($0.name)" }.joined(separator: ", ")),
              p_occurrences, p_received_at, p_fold_key, p_words)
            WITH ORDINALITY AS e (\(EventField.texts.map { "\($0.name)" }.joined(separator: ", ")),
              occurrences, received_at, fold_key, words, place);
          IF p_keeps_times THEN UPDATE store_state SET clock = greatest(clock, moment); END IF;
        END
        $$
        """

    /// The SQLSTATE of storing while there is no standby.
    static let noStandby = "LB001"
}

extension SchemaDescription {
    /// Reads the schema in force.
    init(_ reader: PostgreSQLReader) throws(PostgreSQLError) {
        var migrations: [Migration] = []
        var tables: [(name: String, columns: [Column], indexes: [Index])] = []
        var durability = ""
        var synced = ""
        var server = ""
        try reader.run([
            PostgreSQLStatement(
                "SELECT version, applied_at, description FROM schema_version ORDER BY version"),
            PostgreSQLStatement(
                """
                SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  coalesce(a.attnum = ANY (p.conkey), false)
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
                WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                  AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
                ORDER BY c.relname COLLATE "C", a.attnum
                """),
            PostgreSQLStatement(
                """
                SELECT t.relname::text, i.relname::text, x.indisunique, a.attname::text
                FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
                CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k(number, place)
                JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
                WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                ORDER BY t.relname COLLATE "C", i.relname COLLATE "C", k.place
                """),
            PostgreSQLStatement(
                """
                SELECT current_setting('server_version'), current_setting('fsync'),
                  current_setting('synchronous_standby_names')
                """),
        ]) { statement, row in
            switch statement {
            case 0:
                migrations.append(
                    Migration(
                        version: row.integer(0), appliedAt: row.text(1) ?? "",
                        description: row.text(2)))
            case 1:
                let name = row.text(0) ?? ""
                if tables.last?.name != name { tables.append((name, [], [])) }
                tables[tables.count - 1].columns.append(
                    Column(
                        name: row.text(1) ?? "", type: row.text(2) ?? "",
                        isNotNull: row.integer(3) != 0, isPrimaryKey: row.integer(4) != 0))
            case 2:
                let (name, column) = (row.text(1) ?? "", row.text(3) ?? "")
                guard let place = tables.firstIndex(where: { $0.name == row.text(0) }) else {
                    break
                }
                var columns = [column]
                if let last = tables[place].indexes.last, last.name == name {
                    columns = last.columns + columns
                    tables[place].indexes.removeLast()
                }
                tables[place].indexes.append(
                    Index(name: name, isUnique: row.integer(2) != 0, columns: columns))
            default:
                server = row.text(0) ?? ""
                synced = row.text(1) ?? ""
                let standbys = row.text(2) ?? ""
                durability = standbys.isEmpty ? "local" : "replicated (\(standbys))"
            }
            return true
        }
        self.init(
            migrations: migrations,
            tables: tables.map { Table(name: $0.name, columns: $0.columns, indexes: $0.indexes) },
            engine: [
                EngineMember("postgresql_version", .text(server)),
                EngineMember("durability", .text(durability)),
                EngineMember("fsync", .text(synced)),
            ])
    }
}
