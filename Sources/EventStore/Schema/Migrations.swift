import Events
import JSON
import Logging
import SQLite

extension Migration {
    /// All of them, in order. Append only: a migration that has run somewhere is never changed.
    static let all = [
        Migration(
            version: 1, description: "Initial schema with events table", apply: initialSchema),
        Migration(
            version: 2, description: "Explicit seq, indexes in keyset order",
            apply: explicitSequence),
        Migration(version: 3, description: "Search index", apply: searchIndex),
        Migration(version: 4, description: "Pages of the search index", apply: fitPages),
        Migration(
            version: 5, description: "Pairs in the search index, merged by the writer",
            apply: searchPairs),
    ]

    // MARK: Version 1

    /// Given: files of this version were written by another program, and ours must be like theirs.
    private static func initialSchema(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        try connection.execute(schemaVersionDDL)
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS events (
              id TEXT PRIMARY KEY,
              event_type TEXT NOT NULL,
              severity TEXT NOT NULL,
              title TEXT NOT NULL,
              description TEXT,
              object_kind TEXT,
              object_namespace TEXT,
              object_name TEXT,
              metadata TEXT,
              created_at TEXT NOT NULL
            );

            CREATE INDEX IF NOT EXISTS idx_events_type     ON events(event_type);
            CREATE INDEX IF NOT EXISTS idx_events_severity ON events(severity);
            CREATE INDEX IF NOT EXISTS idx_events_created  ON events(created_at DESC);
            CREATE INDEX IF NOT EXISTS idx_events_object   ON events(object_kind, object_namespace, object_name);
            """)
    }

    private static let schemaVersionDDL = """
        CREATE TABLE IF NOT EXISTS schema_version (
          version INTEGER PRIMARY KEY,
          applied_at TEXT NOT NULL,
          description TEXT
        );
        """

    // MARK: Version 2

    /// `seq` is a column of its own because version 1's implicit rowid may be renumbered by VACUUM
    /// and handed out again after a delete. Every index ends in `created_at`, ascending, which
    /// SQLite follows by the rowid, and that is seq: so a filtered page is one walk, either way.
    /// docs/decisions/0004-schema-version-2.md
    private static func explicitSequence(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        try connection.execute(
            """
            CREATE TABLE events_v2 (
              seq INTEGER PRIMARY KEY AUTOINCREMENT,
              id TEXT NOT NULL,
              event_type TEXT NOT NULL,
              severity TEXT NOT NULL,
              title TEXT NOT NULL,
              description TEXT,
              object_kind TEXT,
              object_namespace TEXT,
              object_name TEXT,
              metadata TEXT,
              created_at TEXT NOT NULL
            );
            """)
        try warnOfForeignObjects(connection, context.logger)
        try copyEvents(connection, context)
        // legacy_alter_table: a view of somebody else's that names events must not stop the
        // renaming.
        try connection.execute(
            """
            PRAGMA legacy_alter_table=ON;
            DROP TABLE events;
            ALTER TABLE events_v2 RENAME TO events;
            PRAGMA legacy_alter_table=OFF;
            CREATE UNIQUE INDEX idx_events_id    ON events(id);
            CREATE INDEX idx_events_type         ON events(event_type, created_at);
            CREATE INDEX idx_events_severity     ON events(severity, created_at);
            CREATE INDEX idx_events_created      ON events(created_at);
            CREATE INDEX idx_events_object       ON events(object_kind, object_namespace, object_name, created_at);
            CREATE INDEX idx_events_kind         ON events(object_kind, created_at);
            CREATE INDEX idx_events_namespace    ON events(object_namespace, created_at);
            CREATE INDEX idx_events_name         ON events(object_name, created_at);
            """)
    }

    /// What hangs on the old table goes with it, and is not ours to rebuild.
    private static func warnOfForeignObjects(
        _ connection: Connection, _ logger: Logger
    ) throws(SQLiteError) {
        let foreign = try connection.prepare(
            """
            SELECT type || ' ' || name FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL
              AND type IN ('index', 'trigger') AND name NOT IN
              ('idx_events_type', 'idx_events_severity', 'idx_events_created', 'idx_events_object')
            """)
        while try foreign.step() {
            logger.warning(
                "The migration drops the \(foreign.text(0)!) that another program put on events")
        }
    }

    /// Copies row by row, in the order of insertion: of two events of one time, the one inserted
    /// first keeps the smaller seq.
    private static func copyEvents(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        let total = try connection.integer("SELECT count(*) FROM events") ?? 0
        guard total > 0 else { return }
        let columns = EventField.allCases.map { String(describing: $0.name) }.joined(
            separator: ", ")
        // '1' and x'31' are two ids to version 1, and one text.
        let source = try connection.prepare(
            """
            SELECT \(columns), typeof(id) = 'blob' AND
              EXISTS (SELECT 1 FROM events AS twin WHERE twin.id = CAST(events.id AS TEXT))
            FROM events ORDER BY rowid
            """)
        let target = try connection.prepare(
            "INSERT INTO events_v2 (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        var copied: Int64 = 0
        var repaired: Int64 = 0
        while try source.step() {
            if try copyRow(from: source, to: target, now: context.now) { repaired += 1 }
            copied += 1
            if copied.isMultiple(of: 100_000) {
                context.logger.info("Migrating events: \(copied) of \(total) copied")
            }
        }
        guard repaired > 0 else { return }
        context.logger.warning(
            "\(repaired) events had no id of their own, or metadata that is no JSON object: the first got one, the second is kept as {\"unparsed\": \"…\"}"
        )
    }

    /// Copies a row; true when it had to be repaired. SQLite lets a TEXT PRIMARY KEY be NULL
    /// (https://sqlite.org/quirks.html), and nothing made the other program check its metadata.
    private static func copyRow(
        from source: Statement, to target: Statement, now: () -> Timestamp
    ) throws(SQLiteError) -> Bool {
        var isRepaired = false
        let isTaken = source.integer(Int32(EventField.allCases.count)) != 0
        var made: [UInt8] = []
        for field in EventField.allCases {
            let bytes = source.bytes(Int32(field.rawValue))
            let index = Int32(field.rawValue + 1)
            made.removeAll(keepingCapacity: true)
            if field == .id, bytes == nil || isTaken {
                EventID.append(now: now(), to: &made)
                isRepaired = true
            } else if field == .metadata, let bytes, !appendStorable(bytes, to: &made) {
                isRepaired = true
            }
            if made.isEmpty {
                try target.bind(index, borrowing: bytes)
            } else {
                try target.bind(index, String(decoding: made, as: UTF8.self))
            }
        }
        try target.run()
        return isRepaired
    }

    /// Appends what metadata has to become, nothing when it can stay as it is: it goes out as it is
    /// stored, so it must be JSON, and a line break in it would end a line of NDJSON. False when it
    /// is no object.
    static func appendStorable(
        _ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]
    ) -> Bool {
        var reader = JSONReader(bytes)
        do {
            if try reader.peekKind() == .object {
                let value = try reader.skipValue()
                try reader.expectEnd()
                if bytes.contains(UInt8(ascii: "\n")) || bytes.contains(UInt8(ascii: "\r")) {
                    value.appendCompact(to: &output)
                }
                return true
            }
        } catch {
            // What the reader refuses is not JSON, and is kept as text like everything else that is
            // no object.
        }
        output.append(contentsOf: "{\"unparsed\":".utf8)
        output.appendJSONString(bytes)
        output.append(UInt8(ascii: "}"))
        return false
    }

    // MARK: Version 3

    /// An index of words and of filters, which the writer fills behind the events: so the migration
    /// itself takes no time. It keeps no text (content), no sizes and no places of words (columnsize,
    /// detail): what it finds is looked at in the event. `SearchDocument` cuts the words; the
    /// tokenizer takes them as they come. docs/decisions/0008-schema-version-3.md
    private static func searchIndex(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        try connection.execute(
            """
            CREATE VIRTUAL TABLE search USING fts5(
              words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '-_.'"
            );
            CREATE VIRTUAL TABLE search_words USING fts5vocab(search, instance);
            CREATE TABLE search_state (indexed_seq INTEGER NOT NULL);
            INSERT INTO search_state VALUES (0);
            DROP INDEX idx_events_name;
            """)
    }

    // MARK: Version 4

    /// A page of the search index is to fit into one of the file, with its row.
    private static func fitPages(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        try connection.execute("INSERT INTO search (search, rank) VALUES ('pgsz', 4040)")
    }

    // MARK: Version 5

    /// `SearchDocument` gives the index a name with each other filter, too, and a word with the number
    /// behind it: it is filled anew. What FTS5 would merge in commits, however many segments it takes,
    /// `MergingJob` does.
    private static func searchPairs(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        try connection.execute(
            """
            INSERT INTO search (search) VALUES ('delete-all');
            INSERT INTO search (search, rank) VALUES ('automerge', 0);
            INSERT INTO search (search, rank) VALUES ('crisismerge', 256);
            INSERT INTO search (search, rank) VALUES ('usermerge', 16);
            UPDATE search_state SET indexed_seq = 0;
            """)
    }
}
