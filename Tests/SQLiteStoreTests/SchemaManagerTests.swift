import Foundation
import Logging
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// Creating a file, and identifying an existing one. `MigrationTests` covers the way from version
/// to version, `RefusalTests` the files left alone.
@Suite("SchemaManager")
struct SchemaManagerTests {
    private let folder: TemporaryFolder
    private let path: String
    private let log = LogRecorder()

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
    }

    // MARK: A new file

    @Test("A file of version 1 made by us is like one that the other program made")
    func sameAsTheirs() throws {
        let theirs = folder.file("theirs.db")
        try makeVersion1(theirs)
        #expect(try manager(path, Migration.all[..<1], log: log).prepare { _ in } == 1)
        let master = "SELECT rowid, type, name, tbl_name, rootpage, sql FROM sqlite_master"
        #expect(try rows(path, master) == rows(theirs, master))
        #expect(try rows(path, master).count == 7)
        for table in ["schema_version", "events"] {
            let all = "SELECT * FROM \(table)"
            #expect(try rows(path, all) == rows(theirs, all))
        }
        let pragmas = [
            "auto_vacuum", "journal_mode", "page_size", "page_count", "encoding", "user_version",
            "application_id", "schema_version", "freelist_count",
        ]
        for pragma in pragmas {
            #expect(try rows(path, "PRAGMA \(pragma)") == rows(theirs, "PRAGMA \(pragma)"))
        }
        #expect(try folder.names() == ["events.db", "theirs.db"])
    }

    @Test("The first time it logs exactly that the database is initialized with version 1")
    func firstLog() throws {
        _ = try manager(path, Migration.all[..<1], log: log).prepare { _ in }
        let line = "Database initialized successfully with schema version 1"
        #expect(log.lines == [LogRecorder.Line(level: .info, message: line)])
    }

    @Test("The next times it logs exactly which version is used, and changes nothing")
    func nextLog() throws {
        for latest in 1...Migration.latest {
            let path = folder.file("\(latest).db")
            _ = try manager(path, Migration.all[..<latest]).prepare { _ in }
            let before = try folder.contents()
            for _ in 1...2 {
                let log = LogRecorder()
                var migrated: [Int] = []
                let version = try manager(path, Migration.all[..<latest], backsUp: true, log: log)
                    .prepare { migrated.append($0) }
                #expect(version == latest)
                let line = "Using existing database with schema version \(latest)"
                #expect(log.lines == [LogRecorder.Line(level: .info, message: line)])
                #expect(migrated == [])
            }
            #expect(try folder.contents() == before)
        }
    }

    @Test("A new file is brought to the latest version, by way of version 1")
    func latest() throws {
        var migrated: [Int] = []
        let schema = manager(path, backsUp: true, log: log)
        #expect(try schema.inspect() == 0)
        #expect(try folder.names() == [])
        #expect(try schema.prepare { migrated.append($0) } == Migration.latest)
        #expect(migrated == [0])
        #expect(schema.latest == Migration.latest)
        #expect(
            log.messages == [
                "Database initialized successfully with schema version 1",
                "Migrated to schema version 2: \(Migration.all[1].description)",
            ])
        #expect(
            try rows(path, "SELECT * FROM schema_version ORDER BY version") == [
                "1|2026-11-23T10:30:45.123Z|Initial schema with events table",
                "2|2026-11-23T10:30:45.123Z|\(Migration.all[1].description)",
            ])
        #expect(try rows(path, "PRAGMA auto_vacuum") == ["2"])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        #expect(try folder.names() == ["events.db"])
    }

    @Test("A file of no bytes is a new one")
    func emptyFile() throws {
        try Data().write(to: URL(filePath: path))
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(log.messages.first == "Database initialized successfully with schema version 1")
        #expect(try rows(path, "PRAGMA auto_vacuum") == ["2"])
    }

    @Test("A migrated file and a new one end in the same schema")
    func sameEnd() throws {
        let migrated = folder.file("migrated.db")
        try makeVersion1(migrated, events: 10)
        try makeLatest(migrated)
        try makeLatest(path)
        let master = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
        #expect(try rows(path, master) == rows(migrated, master))
    }

    @Test("The indexes of version 1 are there in version 2 and begin with the same columns")
    func indexes() throws {
        try makeLatest(path)
        let wanted = [
            ("idx_events_type", ["event_type"]), ("idx_events_severity", ["severity"]),
            ("idx_events_created", ["created_at"]),
            ("idx_events_object", ["object_kind", "object_namespace", "object_name"]),
        ]
        for (name, columns) in wanted {
            let found = try rows(
                path, "SELECT name FROM pragma_index_info('\(name)') ORDER BY seqno")
            #expect(found.starts(with: columns), "\(name)")
            let table = try rows(path, "SELECT tbl_name FROM sqlite_master WHERE name = '\(name)'")
            #expect(table == ["events"])
        }
    }

    // MARK: Recognising versions

    @Test("The version in force is the highest, and 0 if there is none")
    func versions() throws {
        try Connection(path, .create).execute("CREATE TABLE other (x)")
        #expect(try manager(path).inspect() == 0)
        try Connection(path, .readWrite).execute(version1DDL)
        #expect(try manager(path).inspect() == 0)
        let insert = "INSERT INTO schema_version (version, applied_at) VALUES"
        try Connection(path, .readWrite).execute("\(insert) (1, '')")
        #expect(try manager(path).inspect() == 1)
        _ = try manager(path).prepare { _ in }
        #expect(try manager(path).inspect() == Migration.latest)
        // A row written out of order, or removed, does not change the highest version.
        try Connection(path, .readWrite).execute("DELETE FROM schema_version WHERE version = 1")
        #expect(try manager(path).inspect() == Migration.latest)
    }

    @Test("A version that only the WAL knows is the version in force")
    func versionInWAL() throws {
        try makeVersion1(path, before: "PRAGMA journal_mode=WAL;", events: 3)
        #expect(try folder.names() == ["events.db"])
        do {
            let connection = try Connection(path, .readWrite)
            connection.keepWALOnClose()
            try connection.execute("INSERT INTO schema_version VALUES (9, '', NULL)")
        }
        #expect(try folder.size("events.db-wal") > 0)
        let error = #expect(throws: SchemaError.self) { try manager(path).inspect() }
        #expect(error?.message.contains("schema version 9") == true)
    }

    @Test("Tables are recognised in any case, as SQLite has it")
    func anyCase() throws {
        try Connection(path, .create).execute(
            version1DDL.replacing(" events (", with: " Events (")
                .replacing(" schema_version (", with: " SCHEMA_VERSION ("))
        try Connection(path, .readWrite).execute(
            "INSERT INTO schema_version VALUES (1, '', NULL)")
        #expect(try manager(path).inspect() == 1)
        #expect(try manager(path).prepare { _ in } == Migration.latest)
    }

    @Test("Tables of version 1 without their record are taken over with their rows")
    func tablesWithoutRecord() throws {
        try makeVersion1(path, events: 5)
        try Connection(path, .readWrite).execute("DROP TABLE schema_version")
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(try rows(path, "SELECT count(*) FROM events") == ["5"])
        #expect(try rows(path, "SELECT version FROM schema_version") == ["1", "2"])
        #expect(log.messages.first == "Database initialized successfully with schema version 1")
    }

    @Test("A database that has only tables of other programs gets ours beside them")
    func besideOthers() throws {
        try Connection(path, .create).execute(
            "CREATE TABLE other (x PRIMARY KEY) WITHOUT ROWID; INSERT INTO other VALUES ('kept')")
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(try rows(path, "SELECT x FROM other") == ["kept"])
        #expect(try rows(path, "PRAGMA auto_vacuum") == ["0"])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        #expect(log.messages.first == "Database initialized successfully with schema version 1")
        #expect(
            log.messages.last == "Using existing database with schema version \(Migration.latest)")
    }

    // MARK: Killed processes

    @Test("A journal that a killed process left is played back first")
    func hotJournal() throws {
        let original = folder.file("original.db")
        try makeVersion1(original, events: 2_000)
        let before = try rows(original, "SELECT * FROM events ORDER BY rowid")
        do {
            // With space for only a few pages, changes reach the file before the commit. A copy of
            // file and journal is what a process killed at that moment leaves.
            let connection = try Connection(original, .readWrite)
            try connection.execute(
                "PRAGMA cache_size=5; BEGIN; UPDATE events SET title = 'not committed', id = id || '!'"
            )
            try FileManager.default.copyItem(atPath: original, toPath: path)
            try FileManager.default.copyItem(
                atPath: original + "-journal", toPath: path + "-journal")
            connection.rollback()
        }
        let torn = try Data(contentsOf: URL(filePath: path))
        #expect(torn.range(of: Data("not committed".utf8)) != nil)
        #expect(try folder.size("events.db-journal") > 0)

        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        let columns = "id, event_type, severity, title, description, object_kind, object_namespace"
        let after = try rows(
            path, "SELECT \(columns), object_name, metadata, created_at FROM events ORDER BY seq")
        #expect(after == before)
    }

    @Test("A migration of ours that lost its power, its version on the disk and not its header")
    func brokenOffMigration() throws {
        let original = folder.file("original.db")
        try makeVersion1(original, events: 2_000)
        let before = try rows(original, "SELECT id FROM events ORDER BY rowid")
        do {
            let connection = try Connection(original, .readWrite)
            try connection.execute(
                """
                PRAGMA cache_size=5; BEGIN;
                INSERT INTO schema_version VALUES (2, '2026-11-30T00:00:00.000Z', 'Logbook''s own schema');
                UPDATE events SET title = 'not committed', id = id || '!'
                """)
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(
                    atPath: original + suffix, toPath: path + suffix)
            }
            connection.rollback()
        }
        do {
            let torn = try Connection(path, .immutable)
            #expect(try torn.integer("SELECT max(version) FROM schema_version") == 2)
            #expect(try torn.integer("PRAGMA application_id") == 0)
        }
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(try rows(path, "SELECT id FROM events ORDER BY seq") == before)
    }

    @Test("A newer file is refused with the journal that a killed process left, both as they were")
    func newerWithHotJournal() throws {
        let original = folder.file("original.db")
        try makeVersion1(original, events: 2_000)
        do {
            let connection = try Connection(original, .readWrite)
            try connection.execute(
                """
                INSERT INTO schema_version VALUES (99, '2030-01-01T00:00:00.000Z', 'The future');
                PRAGMA cache_size=5; BEGIN; UPDATE events SET title = 'not committed', id = id || '!'
                """)
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(
                    atPath: original + suffix, toPath: path + suffix)
            }
            connection.rollback()
        }
        let before = try folder.contents()
        #expect(try folder.size("events.db-journal") > 0)
        let error = #expect(throws: SchemaError.self) { try manager(path).prepare { _ in } }
        #expect(error?.message.contains("has schema version 99") == true)
        #expect(try folder.contents() == before)
    }

    @Test("A WAL that a killed process left is part of the file")
    func leftWAL() async throws {
        let store = try TestStore()
        for index in 0..<20 { _ = await store.repository.append([try event(["id": "e\(index)"])]) }
        // The file and its WAL as they are on disk now, without the WAL's index.
        try FileManager.default.copyItem(atPath: store.path, toPath: path)
        try FileManager.default.copyItem(atPath: store.path + "-wal", toPath: path + "-wal")
        store.repository.close()
        #expect(try folder.size("events.db-wal") > 0)
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(try rows(path, "SELECT id FROM events ORDER BY seq") == (0..<20).map { "e\($0)" })
        #expect(log.messages == ["Using existing database with schema version \(Migration.latest)"])
    }

    @Test("The checks of the stored state read no table and no index whole")
    func checksAreQuick() async throws {
        let store = try TestStore()
        for sql in StoredState.queries {
            let plan = try rows(store.path, "EXPLAIN QUERY PLAN \(sql)")
            #expect(!plan.contains { $0.contains("SCAN events USING") }, "\(sql): \(plan)")
        }
    }
}
