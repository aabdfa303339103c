import EventStore
import Events
import Logging
import SQLite

/// One step of the schema, from `version - 1` to `version`, in one transaction with its row in
/// `schema_version`.
struct Migration: Sendable {
    let version: Int
    /// The text for `schema_version`.
    let description: String
    /// Changes the schema; the caller holds the transaction.
    let apply: @Sendable (Connection, MigrationContext) throws(SQLiteError) -> Void

    /// The latest version that this program knows.
    static let latest = all.count
}

/// The things a migration may need besides the connection.
struct MigrationContext: Sendable {
    let logger: Logger
    let now: @Sendable () -> Timestamp
}

extension Migration {
    /// All migrations in order. From the first release on, only append: a migration that has run
    /// somewhere is never changed.
    static let all = [
        Migration(
            version: 1, description: "Initial schema with events table", apply: initialSchema),
        Migration(version: 2, description: "Logbook's own schema", apply: ownSchema),
    ]

    // MARK: Version 1

    /// Fixed, because another program wrote files of this version, and ours must match them.
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

    /// docs/schema.md explains each table, column and index.
    private static func ownSchema(
        _ connection: Connection, _ context: MigrationContext
    ) throws(SQLiteError) {
        try connection.execute(
            """
            CREATE TABLE events_v2 (
              seq INTEGER PRIMARY KEY,
              id TEXT NOT NULL,
              event_type TEXT NOT NULL,
              severity TEXT NOT NULL,
              title TEXT NOT NULL,
              object_kind TEXT,
              object_namespace TEXT,
              object_name TEXT,
              cluster TEXT,
              reason TEXT,
              occurrences INTEGER NOT NULL DEFAULT 1,
              fold_key INTEGER,
              received_at INTEGER NOT NULL,
              created_at TEXT NOT NULL,
              description TEXT,
              metadata TEXT
            );
            """)
        try warnOfForeignObjects(connection, context.logger)
        let now = context.now()
        try copyEvents(connection, context, now)
        // legacy_alter_table: another program's view of events must not stop the renaming.
        try connection.execute(
            """
            PRAGMA legacy_alter_table=ON;
            DROP TABLE events;
            ALTER TABLE events_v2 RENAME TO events;
            PRAGMA legacy_alter_table=OFF;
            CREATE UNIQUE INDEX idx_events_id ON events(id);
            CREATE INDEX idx_events_created ON events(created_at);
            CREATE INDEX idx_events_type ON events(event_type, created_at);
            CREATE INDEX idx_events_severity ON events(severity, created_at);
            CREATE INDEX idx_events_object ON events(
              object_kind, object_namespace, object_name, fold_key, created_at, occurrences
            );
            CREATE TABLE store_state (
              clock INTEGER NOT NULL,
              floor_seq INTEGER NOT NULL
            );
            INSERT INTO store_state VALUES (\(now.milliseconds), 0);
            CREATE TABLE retention (
              severity TEXT PRIMARY KEY,
              passed_seq INTEGER NOT NULL,
              removed_seq INTEGER NOT NULL
            ) WITHOUT ROWID;
            INSERT INTO retention VALUES
              ('info', 0, 0), ('warning', 0, 0), ('error', 0, 0), ('critical', 0, 0);
            CREATE TABLE series (
              key TEXT PRIMARY KEY,
              count INTEGER NOT NULL,
              removed INTEGER NOT NULL,
              received_at INTEGER NOT NULL
            ) WITHOUT ROWID;
            CREATE TABLE sources (
              name TEXT PRIMARY KEY,
              observed_at INTEGER NOT NULL
            ) WITHOUT ROWID;
            CREATE VIRTUAL TABLE search USING fts5(
              words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '-_.'"
            );
            CREATE VIRTUAL TABLE search_words USING fts5vocab(search, instance);
            CREATE TABLE search_state (
              indexed_seq INTEGER NOT NULL
            );
            INSERT INTO search_state VALUES (0);
            INSERT INTO search (search, rank) VALUES ('automerge', 0);
            INSERT INTO search (search, rank) VALUES ('crisismerge', 256);
            INSERT INTO search (search, rank) VALUES ('usermerge', 16);
            PRAGMA application_id=\(SchemaManager.applicationID);
            """)
        try countSeries(connection, now)
    }

    /// Warns of objects that depend on the old table. They go with it, and are not ours to rebuild.
    private static func warnOfForeignObjects(
        _ connection: Connection, _ logger: Logger
    ) throws(SQLiteError) {
        // The last three are names that the program which wrote version 1 published later.
        let foreign = try connection.prepare(
            """
            SELECT type || ' ' || name FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL
              AND type = 'index' AND name NOT IN
              ('idx_events_type', 'idx_events_severity', 'idx_events_created', 'idx_events_object',
               'idx_events_event_type', 'idx_events_created_at', 'idx_events_object_kind')
            """)
        while try foreign.step() {
            logger.warning(
                "The migration drops the \(foreign.text(0) ?? "") that another program put on events"
            )
        }
    }

    /// Copies row by row in the order of insertion, so that of two events at one time the earlier
    /// insertion keeps the smaller seq.
    private static func copyEvents(
        _ connection: Connection, _ context: MigrationContext, _ now: Timestamp
    ) throws(SQLiteError) {
        let total = try connection.integer("SELECT count(*) FROM events") ?? 0
        guard total > 0 else { return }
        // '1' and x'31' are two ids in version 1 but one text.
        let source = try connection.prepare(
            """
            SELECT \(EventTable.version1Fields), typeof(id) = 'blob' AND
              EXISTS (SELECT 1 FROM events AS twin WHERE twin.id = CAST(events.id AS TEXT))
            FROM events ORDER BY rowid
            """)
        let places = repeatElement("?", count: EventField.version1.count + 4)
        let target = try connection.prepare(
            """
            INSERT INTO events_v2 (
              \(EventTable.version1Fields), reason, received_at, fold_key, occurrences)
            VALUES (\(places.joined(separator: ", ")))
            """)
        var copied: Int64 = 0
        var repairs = Repairs()
        while try source.step() {
            try copyRow(from: source, to: target, now, &repairs)
            copied += 1
            if copied.isMultiple(of: 100_000) {
                context.logger.info("Migrating events: \(copied) of \(total) copied")
            }
        }
        repairs.report(context.logger)
    }

    /// Counts of rows that had to be changed.
    private struct Repairs {
        var contents = 0
        var times = 0

        func report(_ logger: Logger) {
            if contents > 0 {
                logger.warning(
                    "\(contents) events had no id, or metadata that is not a JSON object: they got an id, and the metadata is kept as {\"unparsed\": \"…\"}"
                )
            }
            if times > 0 {
                logger.warning(
                    "\(times) events had a created_at that is not a time in the years 1970 to 2099: it is now the time of the migration, and the old text is in metadata.created_at"
                )
            }
        }
    }

    /// Copies a row. SQLite lets a TEXT PRIMARY KEY be NULL (https://sqlite.org/quirks.html), and
    /// the other program checked neither its metadata nor its times.
    private static func copyRow(
        from source: Statement, to target: Statement, _ now: Timestamp, _ repairs: inout Repairs
    ) throws(SQLiteError) {
        var view = EventView(seq: 0)
        for field in EventField.version1 { view[field] = source.bytes(Int32(field.rawValue)) }
        let row = Version1Row(view)
        let isTaken = source.integer(Int32(EventField.version1.count)) != 0
        var id: [UInt8]?
        if view[.id] == nil || isTaken {
            var made: [UInt8] = []
            EventID.append(now: now, to: &made)
            id = made
        }
        for field in EventField.version1 {
            let made: [UInt8]? =
                switch field {
                case .id: id
                case .metadata: row.metadata
                case .createdAt: row.hasOddTime ? Array(now.text.utf8) : row.createdAt
                default: nil
                }
            let index = Int32(field.rawValue + 1)
            if let made {
                try target.bind(index, copying: made)
            } else {
                try target.bind(index, borrowing: view[field])
            }
        }
        let next = Int32(EventField.version1.count + 1)
        if let reason = row.reason {
            try target.bind(next, copying: reason)
        } else {
            try target.bindNull(next)
        }
        try target.bind(next + 1, now.milliseconds)
        try target.bind(next + 2, foldKey(view, reason: row.reason))
        // `countSeries` subtracts earlier revisions when all are there.
        let isRevision = id == nil && view[.id].map(EventSeries.isRevision) ?? false
        try target.bind(next + 3, isRevision ? occurrences(view) : 1)
        try target.run()
        if id != nil || row.hasOddMetadata { repairs.contents += 1 }
        if row.hasOddTime { repairs.times += 1 }
    }

    private static func foldKey(_ view: EventView, reason: [UInt8]?) -> Int64 {
        guard let reason else { return FoldKey.of(view) }
        return reason.withUnsafeBytes { bytes in
            var view = view
            view[.reason] = bytes
            return FoldKey.of(view)
        }
    }

    private static func occurrences(_ revision: EventView) -> Int64 {
        guard let metadata = revision[.metadata] else { return 1 }
        return min(EventSeries.count(of: metadata), Int64(Int32.max))
    }

    /// Turns the count of each revision of a Kubernetes event into what it added to the one before. The
    /// order is that of ids, which is that of resource versions with the same number of digits.
    private static func countSeries(
        _ connection: Connection, _ now: Timestamp
    ) throws(SQLiteError) {
        let ids = try connection.prepare(
            "SELECT id, seq FROM events WHERE id > 'k8s:core:' AND id < 'k8s:core;' ORDER BY id")
        let find = try connection.prepare("SELECT occurrences FROM events WHERE seq = ?")
        let correct = try connection.prepare("UPDATE events SET occurrences = ?2 WHERE seq = ?1")
        let add = try connection.prepare("INSERT INTO series VALUES (?, ?, 0, ?)")
        func count(_ seq: Int64) throws(SQLiteError) -> Int64 {
            try find.bind(1, seq)
            return try find.number() ?? 0
        }
        var key: [UInt8] = []
        var first: Int64 = 0
        // nil for a series of one event, which gets no row.
        var highest: Int64?
        func end() throws(SQLiteError) {
            guard let highest else { return }
            try add.bind(1, copying: key)
            try add.bind(2, highest)
            try add.bind(3, now.milliseconds)
            try add.run()
        }
        while try ids.step() {
            guard let id = ids.bytes(0), let series = EventSeries(id: id, count: 1) else {
                continue
            }
            let seq = ids.integer(1)
            guard series.key == key else {
                try end()
                (key, first, highest) = (series.key, seq, nil)
                continue
            }
            let before: Int64
            if let highest { before = highest } else { before = try count(first) }
            let own = try count(seq)
            try correct.bind(1, seq)
            try correct.bind(2, max(0, own - before))
            try correct.run()
            highest = max(before, own)
        }
        try end()
    }
}
