import Events
import Foundation
import Logging
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Migrations")
struct MigrationTests {
    private let folder: TemporaryFolder
    private let path: String
    private let log = LogRecorder()

    private static let columns =
        "id, event_type, severity, title, description, object_kind, object_namespace, object_name, "
        + "metadata, created_at"

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
    }

    @Test("The list is in order and without gaps")
    func list() {
        #expect(Migration.all.map(\.version) == Array(1...Migration.all.count))
        #expect(Migration.latest == Migration.all.count)
        #expect(Migration.all.allSatisfy { !$0.description.isEmpty })
    }

    // MARK: From version 1 to version 2

    @Test("Every row survives, in the order of insertion", arguments: ["DELETE", "WAL"])
    func rowsSurvive(journal: String) throws {
        try makeVersion1(path, before: "PRAGMA journal_mode=\(journal);", events: 1_000)
        try Connection(path, .readWrite).execute("DELETE FROM events WHERE rowid % 7 = 0")
        let before = try rows(path, "SELECT \(Self.columns) FROM events ORDER BY rowid")
        var migrated: [Int] = []
        #expect(try manager(path, log: log).prepare { migrated.append($0) } == Migration.latest)
        #expect(migrated == [1])
        #expect(try rows(path, "SELECT \(Self.columns) FROM events ORDER BY seq") == before)
        #expect(
            try rows(path, "SELECT seq FROM events ORDER BY seq")
                == before.indices.map { "\($0 + 1)" })
        #expect(try rows(path, "PRAGMA auto_vacuum") == ["0"])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        #expect(
            log.messages == [
                "Migrated to schema version 2: \(Migration.all[1].description)",
                "Using existing database with schema version 2",
            ])
        #expect(
            try rows(path, "SELECT version, description FROM schema_version") == [
                "1|Initial schema with events table", "2|\(Migration.all[1].description)",
            ])
    }

    @Test("Unusual values are unchanged: NUL bytes, empty texts, quotes, all of Unicode")
    func unusualValues() throws {
        try makeVersion1(path)
        let texts = ["", "\u{0}", "a\u{0}b", "'\"", "é e\u{301} 😀", "\u{FFFF}", "line\nline"]
        do {
            let connection = try Connection(path, .readWrite)
            let insert = try connection.prepare(
                "INSERT INTO events VALUES (?1, ?1, ?1, ?1, ?1, ?1, ?1, ?1, NULL, '2026-01-01T00:00:00.000Z')"
            )
            for text in texts {
                try insert.bind(1, text)
                try insert.run()
            }
        }
        let hex = Self.columns.split(separator: ", ").map { "hex(\($0)), typeof(\($0))" }
            .joined(separator: ", ")
        let before = try rows(path, "SELECT \(hex) FROM events ORDER BY rowid")
        try makeLatest(path)
        #expect(try rows(path, "SELECT \(hex) FROM events ORDER BY seq") == before)
    }

    @Test("A number is not given again, though the newest event was deleted before the end")
    func floor() throws {
        try makeVersion1(path, events: 3)
        try makeLatest(path)
        for deleted in [[3], [1, 2]] as [[Int64]] {
            let connection = try Connection(path, .readWrite)
            let statements = try EventStatements(connection, SearchIndex(connection))
            #expect(try statements.delete(deleted).deleted == deleted.count)
            let again = try Connection(path, .readWrite)
            #expect(try EventStatements(again, SearchIndex(again)).nextSeq == 4)
        }
    }

    @Test("seq is never handed out again, even after the highest was deleted")
    func sequence() throws {
        try makeVersion1(path, events: 3)
        try makeLatest(path)
        let event = try event(["id": "n"])
        for round in 0..<2 {
            let connection = try Connection(path, .readWrite)
            let statements = try EventStatements(connection, SearchIndex(connection))
            let last = statements.nextSeq - 1
            #expect(last == 3 + round)
            #expect(try statements.delete([last]).deleted == 1)
            guard case .stored(let receipt) = try statements.append(event) else {
                Issue.record("not stored")
                return
            }
            #expect(receipt.seq == 4 + Int64(round))
            let removed = try rows(path, "SELECT max(removed_seq) FROM retention")
            #expect(removed == ["\(last)"])
        }
    }

    @Test(
        "A time that is none becomes that of the migration, and its text is kept; a reason is found"
    )
    func oddTimes() throws {
        try makeVersion1(path)
        let connection = try Connection(path, .readWrite)
        let insert = try connection.prepare(
            "INSERT INTO events VALUES (?1, 't', 's', 't', NULL, NULL, NULL, NULL, ?2, ?3)")
        let found: [(metadata: String?, time: String)] = [
            (nil, "0001-01-01T00:00:00Z"), ("{}", "2100-01-01T00:00:00.000Z"),
            (#"{"reason":"BackOff"}"#, "yesterday"), (#"{"created_at":1}"#, ""),
            (#"{"reason":7}"#, "2026-01-01T01:00:00+01:00"),
            (#"{"reason":"Pulled"}"#, "1970-01-01T00:00:00.000Z"),
            ("[]", "9999-12-31T23:59:59.999Z"),
        ]
        for (index, row) in found.enumerated() {
            try insert.bind(1, "\(index)")
            try insert.bind(2, row.metadata)
            try insert.bind(3, row.time)
            try insert.run()
        }
        _ = try manager(path, log: log).prepare { _ in }
        let now = testMoment.text
        #expect(
            try rows(path, "SELECT created_at, metadata, reason FROM events ORDER BY seq") == [
                #"\#(now)|{"created_at":"0001-01-01T00:00:00Z"}|NULL"#,
                #"\#(now)|{"created_at":"2100-01-01T00:00:00.000Z"}|NULL"#,
                #"\#(now)|{"reason":"BackOff","created_at":"yesterday"}|BackOff"#,
                #"\#(now)|{"created_at":1,"version1_created_at":""}|NULL"#,
                #"2026-01-01T00:00:00.000Z|{"reason":7}|NULL"#,
                #"1970-01-01T00:00:00.000Z|{"reason":"Pulled"}|Pulled"#,
                #"\#(now)|{"unparsed":"[]","created_at":"9999-12-31T23:59:59.999Z"}|NULL"#,
            ])
        #expect(
            log.messages.contains { $0.hasPrefix("5 events had a created_at that is not a time") })
        #expect(
            try rows(path, "SELECT DISTINCT received_at, occurrences FROM events")
                == ["\(testMoment.milliseconds)|1"])
        // Alike are those without a reason.
        #expect(
            try rows(
                path, "SELECT count(*) FROM events WHERE fold_key <> 0 GROUP BY fold_key ORDER BY 1"
            ) == ["1", "1", "5"])
    }

    @Test("A revision of a Kubernetes event tells of what it added to the count")
    func revisions() throws {
        try makeVersion1(path, events: 1)
        let insert = try Connection(path, .readWrite).prepare(
            "INSERT INTO events VALUES (?1, 't', 's', 't', NULL, NULL, NULL, NULL, ?2, '2026-01-01T00:00:00.000Z')"
        )
        let found: [(id: String, metadata: String?, occurrences: Int)] = [
            ("k8s:core:b:12", #"{"count":7}"#, 3), ("k8s:core:a:5", #"{"count":3}"#, 3),
            ("k8s:core:b:11", #"{"count":4}"#, 4), ("k8s:core:b:13", #"{"count":6}"#, 0),
            ("k8s:core:b:14", #"{"series":{"count":8}}"#, 1), ("k8s:core:c:1", nil, 1),
            ("k8s:core:d", #"{"count":9}"#, 1), ("k8s:events:a:6", #"{"count":9}"#, 1),
            ("k8s:core:a-b:1", #"{"count":99999999999}"#, Int(Int32.max)),
        ]
        for row in found {
            try insert.bind(1, row.id)
            try insert.bind(2, row.metadata)
            try insert.run()
        }
        try makeLatest(path)
        #expect(
            try rows(path, "SELECT id, occurrences FROM events WHERE seq > 1 ORDER BY seq")
                == found.map { "\($0.id)|\($0.occurrences)" })
        #expect(
            try rows(path, "SELECT key, count, removed, received_at FROM series")
                == ["k8s:core:b|8|0|\(testMoment.milliseconds)"])
    }

    @Test("An event without an id gets one, and the log says so")
    func nullIDs() throws {
        try makeVersion1(path, events: 1)
        try Connection(path, .readWrite).execute(
            """
            INSERT INTO events VALUES
              (NULL, 't', 's', 'first', NULL, NULL, NULL, NULL, NULL, '2020-01-01T00:00:00.000Z'),
              (NULL, 't', 's', 'second', NULL, NULL, NULL, NULL, '{}', '2020-01-01T00:00:00.000Z'),
              ('', 't', 's', 'third', NULL, NULL, NULL, NULL, NULL, '2020-01-01T00:00:00.000Z')
            """)
        _ = try manager(path, log: log).prepare { _ in }
        let found = try rows(path, "SELECT id, title, metadata FROM events ORDER BY seq")
        #expect(found[0] == #"id-0|Title 1|{"n": 1}"#)
        #expect(found[1].wholeMatch(of: /evt_20261123_103045_[0-9a-f]{16}\|first\|NULL/) != nil)
        #expect(found[2].wholeMatch(of: /evt_20261123_103045_[0-9a-f]{16}\|second\|\{\}/) != nil)
        #expect(found[3] == "|third|NULL")
        let warnings = log.lines.filter { $0.level == .warning }.map(\.message)
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("2 events had no id") == true)
    }

    @Test("An id that is a blob keeps its bytes, unless a text has them already")
    func blobIDs() throws {
        try makeVersion1(path)
        try Connection(path, .readWrite).execute(
            """
            INSERT INTO events VALUES
              (x'31', 't', 's', 'first', NULL, NULL, NULL, NULL, NULL, '2020-01-01T00:00:00.000Z'),
              ('1', 't', 's', 'second', NULL, NULL, NULL, NULL, NULL, '2020-01-01T00:00:00.000Z'),
              (x'32', 't', 's', 'third', NULL, NULL, NULL, NULL, NULL, '2020-01-01T00:00:00.000Z')
            """)
        _ = try manager(path, log: log).prepare { _ in }
        let found = try rows(path, "SELECT id, title, typeof(id) FROM events ORDER BY seq")
        #expect(found[0].wholeMatch(of: /evt_20261123_103045_[0-9a-f]{16}\|first\|text/) != nil)
        #expect(found.dropFirst() == ["1|second|text", "2|third|text"])
        let warnings = log.lines.filter { $0.level == .warning }.map(\.message)
        #expect(warnings.first?.hasPrefix("1 events had no id, or metadata") == true)
    }

    /// Metadata as found and as it must be stored.
    private static let metadata = [
        ("{}", "{}"), (#"{"a":1}"#, #"{"a":1}"#), (" {\"b\" : [1,\t2] } ", " {\"b\" : [1,\t2] } "),
        (#"{"n":12345678901234567890,"d":1.10}"#, #"{"n":12345678901234567890,"d":1.10}"#),
        // A line break would end a line of NDJSON; nothing else about the value changes.
        ("{\n  \"a\": \"x y\",\r\n  \"b\": [1, 2]\n}\n", #"{"a":"x y","b":[1,2]}"#),
        ("{\"a\":\r1}", #"{"a":1}"#), (#"{"a":"\n"}"#, #"{"a":"\n"}"#),
        ("", #"{"unparsed":""}"#), ("not JSON", #"{"unparsed":"not JSON"}"#),
        ("{\"a\":1", #"{"unparsed":"{\"a\":1"}"#), (#"{"a":1}x"#, #"{"unparsed":"{\"a\":1}x"}"#),
        ("[1]", #"{"unparsed":"[1]"}"#), ("null", #"{"unparsed":"null"}"#),
        ("7", #"{"unparsed":"7"}"#), (#""text""#, #"{"unparsed":"\"text\""}"#),
        ("{'a':1}", #"{"unparsed":"{'a':1}"}"#), ("line\nline", #"{"unparsed":"line\nline"}"#),
        (#"{"a":1,"a":2}"#, #"{"unparsed":"{\"a\":1,\"a\":2}"}"#),
        ("{}\u{0}", #"{"unparsed":"{}\u0000"}"#), ("é\u{1}", #"{"unparsed":"é\u0001"}"#),
    ]

    @Test("Valid metadata is unchanged; the rest is kept as text in an object")
    func metadata() throws {
        try makeVersion1(path)
        do {
            let connection = try Connection(path, .readWrite)
            let insert = try connection.prepare(
                "INSERT INTO events VALUES (?, 't', 's', 't', NULL, NULL, NULL, NULL, ?, '2026-01-01T00:00:00.000Z')"
            )
            for (index, (found, _)) in Self.metadata.enumerated() {
                try insert.bind(1, "\(index)")
                try insert.bind(2, found)
                try insert.run()
            }
        }
        _ = try manager(path, log: log).prepare { _ in }
        let stored = try rows(path, "SELECT metadata FROM events ORDER BY seq")
        for (row, (found, wanted)) in zip(stored, Self.metadata) {
            #expect(row == wanted, "\(found)")
            let object = try JSONSerialization.jsonObject(with: Data(row.utf8))
            #expect(object is [String: Any])
            #expect(!row.utf8.contains { $0 == 0x0A || $0 == 0x0D })
        }
        let repaired = Self.metadata.filter { $0.1.hasPrefix(#"{"unparsed""#) }.count
        let warnings = log.lines.filter { $0.level == .warning }.map(\.message)
        #expect(warnings.count == 1)
        #expect(
            warnings.first?.hasPrefix("\(repaired) events had no id, or metadata")
                == true)
    }

    // MARK: What other programs have in the file

    @Test("Tables of other programs survive and still work")
    func foreignObjects() throws {
        try makeVersion1(path, events: 5)
        try Connection(path, .readWrite).execute(
            """
            CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT REFERENCES events(id), x);
            CREATE INDEX notes_event ON notes(event);
            INSERT INTO notes (event, x) VALUES ('id-1', 'a'), ('id-2', 'b');
            DELETE FROM notes WHERE x = 'b';
            """)
        let foreign = """
            SELECT type, name, tbl_name, sql FROM sqlite_master
            WHERE name IN ('notes', 'notes_event') ORDER BY name
            """
        let before = try rows(path, foreign)
        #expect(before.count == 2)
        _ = try manager(path, log: log).prepare { _ in }
        #expect(try rows(path, foreign) == before)
        #expect(try rows(path, "SELECT event, x FROM notes") == ["id-1|a"])
        #expect(try rows(path, "PRAGMA foreign_key_check") == [])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            "PRAGMA foreign_keys=ON; INSERT INTO notes (event, x) VALUES ('id-3', 'c')")
        #expect(connection.lastInsertRowID == 3)
        #expect(throws: SQLiteError.self) {
            try connection.execute("INSERT INTO notes (event) VALUES ('nobody')")
        }
        #expect(log.lines.filter { $0.level == .warning } == [])
    }

    @Test("Other programs' indexes on events are dropped with the old table, and reported")
    func foreignOnEvents() throws {
        try makeVersion1(path, events: 5)
        try Connection(path, .readWrite).execute(
            """
            CREATE INDEX theirs ON events(title);
            CREATE INDEX idx_events_created_at ON events(created_at); ANALYZE;
            """)
        _ = try manager(path, log: log).prepare { _ in }
        #expect(
            log.lines.filter { $0.level == .warning }.map(\.message).sorted() == [
                "The migration drops the index theirs that another program put on events"
            ])
        #expect(try rows(path, "SELECT count(*) FROM events") == ["5"])
    }

    // MARK: Failing

    /// A migration that creates something and then fails.
    private static func failing(version: Int) -> Migration {
        Migration(version: version, description: "Fails midway") {
            connection, _ throws(SQLiteError) in
            try connection.execute(
                """
                CREATE TABLE halfway (x); INSERT INTO halfway VALUES (1);
                UPDATE events SET title = 'spoilt'; DROP INDEX idx_events_type
                """)
            throw SQLiteError(extendedCode: SQLiteError.full, message: "no room left")
        }
    }

    @Test("A migration that fails midway leaves the file at the version before it")
    func failsMidway() throws {
        try makeVersion1(path, events: 50)
        try makeLatest(path)
        let before = try folder.contents()
        var migrated: [Int] = []
        let error = #expect(throws: SchemaError.self) {
            try manager(
                path, Migration.all + [Self.failing(version: Migration.latest + 1)], log: log
            )
            .prepare { migrated.append($0) }
        }
        guard case .failed(let message) = error else {
            Issue.record("\(String(describing: error)) is no failure")
            return
        }
        #expect(
            message.contains("from schema version \(Migration.latest) to \(Migration.latest + 1)"))
        #expect(message.contains("no room left"))
        #expect(migrated == [Migration.latest])
        #expect(log.messages == [])
        #expect(try folder.contents() == before)
        #expect(try manager(path).prepare { _ in } == Migration.latest)
    }

    @Test("What the migrations before the failing one did stays")
    func failsLater() throws {
        try makeVersion1(path, events: 50)
        #expect(throws: SchemaError.self) {
            try manager(path, Migration.all + [Self.failing(version: Migration.latest + 1)]).prepare
            { _ in }
        }
        #expect(try manager(path, Migration.all).inspect() == Migration.latest)
        #expect(try rows(path, "SELECT count(*) FROM events WHERE title LIKE 'Title %'") == ["50"])
        #expect(try rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'halfway'") == [])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
    }

    @Test("A first migration that fails leaves a file that can be tried again")
    func failsAtFirst() throws {
        for failing in 1...2 {
            let path = folder.file("\(failing).db")
            var migrations = Migration.all
            migrations[failing - 1] = Migration(
                version: failing, description: "Fails",
                apply: { connection, _ throws(SQLiteError) in
                    try connection.execute("CREATE TABLE halfway (x); CREATE TABLE halfway (x)")
                })
            #expect(throws: SchemaError.self) { try manager(path, migrations).prepare { _ in } }
            #expect(try manager(path).inspect() == failing - 1)
            #expect(try manager(path).prepare { _ in } == Migration.latest)
            #expect(try rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'halfway'") == [])
        }
    }

    @Test("A process killed within a migration leaves the version before it")
    func killed() throws {
        try makeVersion1(path, events: 3_000)
        let original = path
        let copy = folder.file("copy.db")
        var migrations = Migration.all
        migrations[1] = Migration(version: 2, description: "Killed") {
            connection, context throws(SQLiteError) in
            // With space for only a few pages, changes reach the file before the commit. A copy of
            // file and journal is what a process killed at that moment leaves.
            try connection.execute("PRAGMA cache_size=5")
            try Migration.all[1].apply(connection, context)
            do {
                for suffix in ["", "-journal"] {
                    try FileManager.default.copyItem(
                        atPath: original + suffix, toPath: copy + suffix)
                }
            } catch {
                Issue.record(error)
            }
        }
        let before = try rows(path, "SELECT \(Self.columns) FROM events ORDER BY rowid")
        let size = try folder.size("events.db")
        _ = try manager(path, migrations).prepare { _ in }
        #expect(try folder.size("copy.db-journal") > 0)
        #expect(try folder.size("copy.db") > size)

        #expect(try manager(copy).inspect() == 1)
        #expect(try rows(copy, "SELECT \(Self.columns) FROM events ORDER BY rowid") == before)
        #expect(try rows(copy, "PRAGMA integrity_check") == ["ok"])
        #expect(try manager(copy).prepare { _ in } == Migration.latest)
        #expect(try rows(copy, "SELECT \(Self.columns) FROM events ORDER BY seq") == before)
    }

    // MARK: The copy before a migration

    @Test("The copy is the file as it was, and can be put back", arguments: ["DELETE", "WAL"])
    func copyBefore(journal: String) throws {
        try makeVersion1(path, before: "PRAGMA journal_mode=\(journal);", events: 300)
        let before = try rows(path, "SELECT * FROM events ORDER BY rowid")
        _ = try manager(path, backsUp: true, log: log).prepare { _ in }
        let copy = path + ".v1.bak"
        #expect(log.messages.first == "Kept a copy of schema version 1 as \(copy)")
        #expect(try folder.names() == ["events.db", "events.db.v1.bak"])
        #expect(try rows(copy, "PRAGMA integrity_check", mode: .immutable) == ["ok"])
        #expect(try manager(copy).inspect() == 1)
        #expect(
            try rows(copy, "SELECT * FROM events ORDER BY rowid", mode: .immutable) == before)

        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: copy, toPath: path)
        #expect(try manager(path).prepare { _ in } == Migration.latest)
        #expect(try rows(path, "SELECT \(Self.columns) FROM events ORDER BY seq") == before)
    }

    @Test("No copy if none is requested, and none of a file that did not exist")
    func noCopy() throws {
        try makeVersion1(path, events: 3)
        _ = try manager(path, backsUp: false).prepare { _ in }
        _ = try manager(folder.file("new.db"), backsUp: true).prepare { _ in }
        #expect(try folder.names() == ["events.db", "new.db"])
    }

    @Test("An older copy is replaced")
    func olderCopy() throws {
        try makeVersion1(path, events: 3)
        try Data("old".utf8).write(to: URL(filePath: path + ".v1.bak"))
        try Data("older".utf8).write(to: URL(filePath: path + ".v1.bak.unfinished"))
        _ = try manager(path, backsUp: true).prepare { _ in }
        #expect(try folder.names() == ["events.db", "events.db.v1.bak"])
        #expect(try manager(path + ".v1.bak").inspect() == 1)
    }

    @Test("Where the copy fails nothing is migrated")
    func failedCopy() throws {
        try makeVersion1(path, events: 3)
        let before = try folder.contents()
        let inTheWay = path + ".v1.bak.unfinished"
        try FileManager.default.createDirectory(
            atPath: inTheWay, withIntermediateDirectories: false)
        let error = #expect(throws: SchemaError.self) {
            try manager(path, backsUp: true).prepare { _ in }
        }
        guard case .failed(let message) = error else {
            Issue.record("\(String(describing: error)) is no failure")
            return
        }
        #expect(message.contains("nothing was migrated"))
        try FileManager.default.removeItem(atPath: inTheWay)
        #expect(try folder.contents() == before)
    }
}
