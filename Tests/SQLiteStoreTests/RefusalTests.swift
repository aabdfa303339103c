import Foundation
import Glibc
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// A foreign file, and the start of the message that refuses it.
struct ForeignFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: String
    let make: @Sendable (String) throws -> Void

    init(_ name: String, _ reason: String, _ make: @escaping @Sendable (String) throws -> Void) {
        testDescription = name
        self.reason = reason
        self.make = make
    }
}

/// Changes the bytes of the file at `path`.
private func edit(_ path: String, _ change: (inout Data) -> Void) throws {
    let url = URL(filePath: path)
    var bytes = try Data(contentsOf: url)
    change(&bytes)
    try bytes.write(to: url)
}

/// Creates a database with these tables.
private func database(_ sql: String) -> @Sendable (String) throws -> Void {
    { path in try Connection(path, .create).execute(sql) }
}

/// A version 1 file of about 60 pages with its bytes changed.
private func damaged(_ change: @escaping @Sendable (inout Data) -> Void)
    -> @Sendable (String) throws
    -> Void
{
    { path in
        try makeVersion1(path, events: 1_000)
        try edit(path, change)
    }
}

private let newerRow = """
    INSERT INTO schema_version VALUES (9, '2030-01-01T00:00:00.000Z', 'Later');
    PRAGMA application_id=1282369346
    """

private let foreignFiles = [
    ForeignFile(
        "newer", "has schema version 9, and this program knows versions up to \(Migration.latest)"
    ) { path in
        try makeLatest(path)
        try Connection(path, .readWrite).execute(newerRow)
    },
    ForeignFile("newer, whatever its tables", "has schema version 9") { path in
        try database("\(version1DDL); DROP TABLE events; CREATE TABLE events (x); \(newerRow)")(
            path)
    },
    ForeignFile("newer, in WAL mode", "has schema version 9") { path in
        try makeVersion1(path, before: "PRAGMA journal_mode=WAL;")
        try Connection(path, .readWrite).execute(newerRow)
    },
    ForeignFile("newer, with a WAL", "has schema version 9") { path in
        try makeVersion1(path, before: "PRAGMA journal_mode=WAL;")
        do {
            let connection = try Connection(path, .readWrite)
            connection.keepWALOnClose()
            try connection.execute(newerRow)
        }
        try FileManager.default.removeItem(atPath: path + "-shm")
    },
    ForeignFile("newer, with a WAL and its index", "has schema version 9") { path in
        try makeVersion1(path, before: "PRAGMA journal_mode=WAL;")
        let connection = try Connection(path, .readWrite)
        connection.keepWALOnClose()
        try connection.execute(newerRow)
    },
    ForeignFile("a text", "is not an SQLite database") { path in
        try Data(String(repeating: "No database at all.\n", count: 500).utf8)
            .write(to: URL(filePath: path))
    },
    ForeignFile("one byte", "is not an SQLite database") { path in
        try Data("x".utf8).write(to: URL(filePath: path))
    },
    ForeignFile("a short text", "is not an SQLite database") { path in
        try Data("xy".utf8).write(to: URL(filePath: path))
    },
    ForeignFile("zeros", "is not an SQLite database") { path in
        try Data(count: 8192).write(to: URL(filePath: path))
    },
    ForeignFile("cut within the first page", "is", damaged { $0 = $0.prefix(2000) }),
    ForeignFile("cut within the header", "is", damaged { $0 = $0.prefix(50) }),
    ForeignFile("cut in half", "is damaged", damaged { $0 = $0.prefix($0.count / 2) }),
    ForeignFile(
        "cut within its last page", "is damaged", damaged { $0 = $0.prefix($0.count - 5000) }),
    ForeignFile(
        "a page of garbage", "is damaged",
        damaged { $0.replaceSubrange(81_920..<86_016, with: Data(repeating: 0xA5, count: 4096)) }),
    ForeignFile(
        "a page of zeros", "is damaged",
        damaged { $0.replaceSubrange(81_920..<86_016, with: Data(count: 4096)) }),
    ForeignFile(
        "a page in place of another", "is damaged",
        damaged { bytes in
            // https://sqlite.org/fileformat.html#b_tree_pages: 0x0D begins a leaf of a table.
            let pages = stride(from: 4096, to: bytes.count, by: 4096)
            let leaves = pages.filter { bytes[$0] == 0x0D }
            let (first, last) = (leaves[1], leaves[leaves.count - 1])
            bytes.replaceSubrange(last..<(last + 4096), with: bytes[first..<(first + 4096)])
        }),
    ForeignFile(
        "garbage for a schema", "is damaged",
        damaged { $0.replaceSubrange(100..<4096, with: Data(repeating: 0xA5, count: 3996)) }),
    ForeignFile(
        "events of another program", "found the columns id, name, date",
        database("CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT, date TEXT)")),
    ForeignFile(
        "Events of another program", "found the columns x", database("CREATE TABLE Events (x)")),
    ForeignFile(
        "a view of this name", "has the view named events",
        database("CREATE TABLE t (x); CREATE VIEW events AS SELECT x FROM t")),
    ForeignFile(
        "a view instead of the record", "has the view named Schema_Version",
        database("CREATE VIEW Schema_Version AS SELECT 7 AS version")),
    ForeignFile(
        "an index of this name", "has the index named events",
        database("CREATE TABLE t (x); CREATE INDEX events ON t (x)")),
    ForeignFile(
        "events with a column more", "found the columns id, event_type",
        database("\(version1DDL); ALTER TABLE events ADD COLUMN extra TEXT")),
    ForeignFile(
        "events with a column less", "found the columns",
        database("\(version1DDL); ALTER TABLE events DROP COLUMN description")),
    ForeignFile(
        "events in another order", "found the columns",
        database(
            version1DDL.replacing("  title TEXT NOT NULL,\n", with: "")
                .replacing("  id TEXT PRIMARY KEY,", with: "  title TEXT, id TEXT PRIMARY KEY,"))),
    ForeignFile(
        "version 1 without events", "found no such table",
        database(
            """
            \(version1DDL); DROP TABLE events;
            INSERT INTO schema_version VALUES (1, '', NULL)
            """)),
    ForeignFile("version 2 with the events of version 1", "is at schema version 2") { path in
        try makeVersion1(path)
        try Connection(path, .readWrite).execute(
            "INSERT INTO schema_version VALUES (2, '', NULL); PRAGMA application_id=1282369346")
    },
    ForeignFile(
        "version 6 of the program that wrote version 1", "kube9-operator it seems",
        database(
            """
            \(version1DDL); INSERT INTO schema_version VALUES (1, '', NULL), (6, '', NULL);
            CREATE TABLE collections (id TEXT PRIMARY KEY);
            """)),
    ForeignFile(
        "a build from before the first release", "logbook events import",
        database(
            """
            CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, description TEXT);
            INSERT INTO schema_version VALUES (5, '', NULL);
            CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL);
            """)),
    ForeignFile(
        "another application_id", "is another program's (application_id 7)",
        database("\(version1DDL); PRAGMA application_id=7")),
    ForeignFile("version 1 with the events of version 2", "is at schema version 1") { path in
        try makeLatest(path)
        try Connection(path, .readWrite).execute("DELETE FROM schema_version WHERE version > 1")
    },
    ForeignFile(
        "a negative version", "says that its schema version is -1",
        database("\(version1DDL); INSERT INTO schema_version VALUES (-1, '', NULL)")),
    ForeignFile(
        "schema_version of another program", "has a table schema_version that is not ours",
        database("CREATE TABLE schema_version (version TEXT, checksum TEXT)")),
    ForeignFile(
        "Schema_Version of another program", "has a table schema_version that is not ours",
        database("CREATE TABLE Schema_Version (version TEXT, checksum TEXT)")),
    ForeignFile(
        "schema_version without a version", "has a table schema_version that is not ours",
        database("CREATE TABLE schema_version (id TEXT)")),
    ForeignFile("a folder", "is not a file") { path in
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    },
    ForeignFile("a link to a folder", "is not a file") { path in
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/")
    },
    ForeignFile("a pipe", "is not a file") { path in
        #expect(mkfifo(path, 0o600) == 0)
    },
    ForeignFile("a link to itself", "Cannot look at") { path in
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
    },
]

/// A file of the latest version after `sql`.
private func latest(
    _ name: String, _ reason: String, _ sql: String
) -> ForeignFile {
    ForeignFile(name, reason) { path in
        try makeLatest(path)
        try HostileFile.run(path, sql)
    }
}

/// A file of the latest version whose DDL was changed directly.
private func rewritten(
    _ name: String, _ reason: String, _ table: String, _ before: String, _ after: String
) -> ForeignFile {
    latest(
        name, reason,
        """
        PRAGMA writable_schema=ON;
        UPDATE sqlite_master SET sql = replace(sql, '\(before)', '\(after)') WHERE name = '\(table)'
        """)
}

/// A file of the latest version with a value that no store writes.
private func planted(_ reason: String, _ sql: String) -> ForeignFile {
    ForeignFile(sql, reason) { path in
        try makeLatest(path)
        try HostileFile.plant(path, sql)
    }
}

private let farSeq = """
    INSERT INTO events (seq, id, event_type, severity, title, received_at, created_at)
    VALUES (%, 'far', 'a', 'info', 't', 0, '2026-11-20T00:00:00.000Z')
    """

private let hostileFiles = [
    latest(
        "a trigger that deletes what is inserted", "has the trigger gone on events",
        "CREATE TRIGGER gone AFTER INSERT ON events BEGIN DELETE FROM events WHERE seq = new.seq; END"
    ),
    latest(
        "a trigger on another's table", "has the trigger t on other",
        "CREATE TABLE other (x); CREATE TRIGGER t AFTER INSERT ON other BEGIN DELETE FROM events; END"
    ),
    latest("a view", "has the view recent", "CREATE VIEW recent AS SELECT * FROM events"),
    ForeignFile("a trigger on version 1", "has the trigger gone on events") { path in
        try makeVersion1(path, events: 3)
        try HostileFile.run(
            path, "CREATE TRIGGER gone BEFORE DELETE ON events BEGIN SELECT RAISE(IGNORE); END")
    },
    latest(
        "a generated column", "found the columns",
        "ALTER TABLE events ADD COLUMN again TEXT AS (upper(title))"),
    ForeignFile("a generated column in version 1", "found the columns") { path in
        try makeVersion1(path, events: 3)
        try HostileFile.run(path, "ALTER TABLE events ADD COLUMN again TEXT AS (upper(title))")
    },
    latest(
        "a column more in a table of state", "the column more  in the table store_state",
        "ALTER TABLE store_state ADD COLUMN more"),
    latest("a table of state less", "no table search_state", "DROP TABLE search_state"),
    latest("no search index", "no table search", "DROP TABLE search_words; DROP TABLE search"),
    rewritten(
        "a column that may be null", "the column title TEXT in the table events", "events",
        "title TEXT NOT NULL", "title TEXT"),
    rewritten(
        "a column of another type", "the column received_at TEXT NOT NULL in the table events",
        "events", "received_at INTEGER", "received_at TEXT"),
    rewritten(
        "a default that calls something",
        "the column occurrences INTEGER NOT NULL DEFAULT random()",
        "events", "DEFAULT 1", "DEFAULT (random())"),
    rewritten(
        "a table that is STRICT", "the table, STRICT, store_state", "store_state",
        "floor_seq INTEGER NOT NULL\n)", "floor_seq INTEGER NOT NULL) STRICT"),
    rewritten(
        "a foreign key", "a foreign key in the column title", "events", "title TEXT NOT NULL",
        "title TEXT NOT NULL REFERENCES events(id) ON DELETE CASCADE"),
    ForeignFile("a table without rowid", "the table, WITHOUT ROWID, events") { path in
        let ddl = version1DDL.replacing(
            "created_at TEXT NOT NULL\n)", with: "created_at TEXT NOT NULL\n) WITHOUT ROWID")
        try HostileFile.run(path, "\(ddl); INSERT INTO schema_version VALUES (1, '', NULL)")
    },
    ForeignFile("a virtual table in place of the record", "the virtual table schema_version") {
        path in
        try HostileFile.run(
            path, "CREATE VIRTUAL TABLE schema_version USING fts5(version, applied_at, description)"
        )
    },
    latest(
        "an index less", "no index UNIQUE idx_events_id on events (id)",
        "DROP INDEX idx_events_id"),
    latest(
        "an index over another column", "no index idx_events_created on events (created_at)",
        "DROP INDEX idx_events_created; CREATE INDEX idx_events_created ON events(title)"),
    latest(
        "an index in which letters count alike", "no index UNIQUE idx_events_id on events (id)",
        """
        DROP INDEX idx_events_id; CREATE UNIQUE INDEX idx_events_id ON events(id COLLATE NOCASE)
        """),
    latest(
        "another index that is unique", "the index UNIQUE once on events (title)",
        "CREATE UNIQUE INDEX once ON events(title)"),
    latest(
        "an index over an expression", "the index slow on events ((an expression))",
        "CREATE INDEX slow ON events(abs(seq))"),
    latest(
        "an index over some rows", "the index some on events (title) WHERE",
        "CREATE INDEX some ON events(title) WHERE seq > 7"),
    planted(
        "is damaged (store_state.clock is 9223372036854775807)",
        "UPDATE store_state SET clock = 9223372036854775807"),
    planted("store_state.clock is -1", "UPDATE store_state SET clock = -1"),
    planted("store_state.floor_seq is NULL", "UPDATE store_state SET floor_seq = NULL"),
    planted("store_state.floor_seq is X'00'", "UPDATE store_state SET floor_seq = x'00'"),
    planted("store_state has 0 rows", "DELETE FROM store_state"),
    planted("store_state has 2 rows", "INSERT INTO store_state SELECT * FROM store_state"),
    planted(
        "search_state.indexed_seq is -9223372036854775808",
        "UPDATE search_state SET indexed_seq = -9223372036854775808"),
    planted("search_state.indexed_seq is 'x'", "UPDATE search_state SET indexed_seq = 'x'"),
    planted(
        "search_state.indexed_seq is 1, beyond the newest event",
        "UPDATE search_state SET indexed_seq = 1"),
    planted("search_state has 0 rows", "DELETE FROM search_state"),
    planted("retention.removed_seq is 1.5", "UPDATE retention SET removed_seq = 1.5"),
    planted("retention.passed_seq is -1", "UPDATE retention SET passed_seq = -1"),
    planted(
        "retention.passed_seq is 1, beyond the newest event",
        "UPDATE retention SET passed_seq = 1 WHERE severity = 'info'"),
    planted(
        "retention.removed_seq is 1, beyond the newest event",
        "UPDATE retention SET removed_seq = 1 WHERE severity = 'info'"),
    planted("retention has no row for error", "DELETE FROM retention WHERE severity = 'error'"),
    planted(
        "events.seq is 9223372036854775807", farSeq.replacing("%", with: "9223372036854775807")),
    planted("events.seq is 4503599627370497", farSeq.replacing("%", with: "4503599627370497")),
    planted("events.seq is 0", farSeq.replacing("%", with: "0")),
    planted(
        "events.seq is -9223372036854775808", farSeq.replacing("%", with: "-9223372036854775808")),
    planted(
        "the newest event.received_at is 9223372036854775807",
        "\(farSeq.replacing("%", with: "1")); UPDATE events SET received_at = 9223372036854775807"),
]

@Suite("SchemaManager refuses")
struct RefusalTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
    }

    @Test(
        "A file that is not ours is left as it is, with nothing beside it",
        arguments: foreignFiles + hostileFiles)
    func untouched(_ file: ForeignFile) throws {
        try file.make(path)
        let isFile = (try? FileManager.default.attributesOfItem(atPath: path))?[.type]
        let readable = isFile as? FileAttributeType == .typeRegular
        let names = try folder.names()
        let before = readable ? try folder.contents() : [:]
        let log = LogRecorder()
        for attempt in 1...2 {
            var migrated: [Int] = []
            let error = #expect(throws: SchemaError.self) {
                if attempt == 1 {
                    _ = try manager(path).inspect()
                } else {
                    _ = try manager(path, backsUp: true, log: log).prepare { migrated.append($0) }
                }
            }
            guard case .refused(let message) = error else {
                Issue.record("\(String(describing: error)) is no refusal")
                return
            }
            #expect(message.contains(file.reason), "\(message)")
            #expect(message.contains(path))
            #expect(migrated == [])
        }
        #expect(log.messages == [])
        #expect(try folder.names() == names)
        if readable { #expect(try folder.contents() == before) }
    }

    @Test("Other tables, plain indexes and statistics are tolerated; so is the highest seq")
    func tolerated() throws {
        try makeLatest(path)
        try HostileFile.plant(path, farSeq.replacing("%", with: "\(EventTable.seqs.upperBound)"))
        try HostileFile.run(
            path,
            """
            CREATE TABLE other (x INTEGER PRIMARY KEY, y UNIQUE CHECK (y > abs(x)));
            CREATE INDEX others ON other(y + 1) WHERE y > 1;
            CREATE INDEX titles ON events(title COLLATE NOCASE DESC, seq); ANALYZE
            """)
        #expect(try manager(path).inspect() == Migration.latest)
    }

    @Test("The message for a newer file has both versions and what to do")
    func newer() throws {
        try makeLatest(path)
        try Connection(path, .readWrite).execute(newerRow)
        #expect(
            throws: SchemaError.refused(
                "\(path) has schema version 9, and this program knows versions up to \(Migration.latest); the file was "
                    + "left as it is. Run a newer logbook, or restore a copy from before the upgrade."
            )
        ) { try manager(path).inspect() }
    }

    @Test("An older program refuses what this one made")
    func olderProgram() throws {
        try makeLatest(path)
        let before = try folder.contents()
        let error = #expect(throws: SchemaError.self) {
            try manager(path, Migration.all[..<1], backsUp: true).prepare { _ in }
        }
        #expect(error?.message.contains("this program knows versions up to 1") == true)
        #expect(try folder.contents() == before)
    }

    @Test("A repository over a refused file says so in its state, and stores nothing")
    func repository() async throws {
        try makeLatest(path)
        try Connection(path, .readWrite).execute(newerRow)
        let before = try Data(contentsOf: URL(filePath: path))
        let log = LogRecorder()
        let repository = SQLiteRepository(
            StoreConfiguration(path: path), logger: log.logger, now: { testMoment })
        #expect(
            repository.schemaState
                == SchemaState(version: 0, latest: Migration.latest, status: .migrating))
        #expect(throws: SchemaError.self) { try repository.open() }
        #expect(repository.schemaState.status == .failed)
        #expect(throws: StoreError.self) { try repository.makeReader() }
        let result = await repository.append([try event()])
        #expect(throws: StoreError.self) { try result.get() }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
        // The lock was released: another process, or a newer program, may open the file.
        _ = try DatabaseLock(database: path, now: testMoment, logger: LogRecorder().logger)
    }
}
