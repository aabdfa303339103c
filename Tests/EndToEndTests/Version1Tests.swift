import Foundation
import TestSupport
import Testing

@Suite("Files of schema version 1", .ofFile(.version), .serialized)
struct Version1Tests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("logbook.db")
    }

    /// The number of event rows that differ between two files, in either direction.
    private func differences(_ one: String, _ other: String) throws -> Int? {
        let ours = "SELECT \(Version1.columns) FROM main.events"
        let theirs = "SELECT \(Version1.columns) FROM other.events"
        let counts = try Command.sqlite(
            one,
            """
            ATTACH '\(other)' AS other;
            SELECT (SELECT count(*) FROM (\(ours) EXCEPT \(theirs)))
              + (SELECT count(*) FROM (\(theirs) EXCEPT \(ours)));
            """)
        return counts.first.flatMap { Int($0) }
    }

    @Test("100,000 events are migrated, and every one is served")
    func large() throws {
        try Version1.make(path, Version1.rows(100_000))
        let original = folder.file("original.db")
        try FileManager.default.copyItem(atPath: path, toPath: original)

        let server = try LogbookProcess(in: folder)
        try server.logLine(containing: "Using existing database with schema version 2")
        let order = "ORDER BY created_at DESC, rowid DESC"
        let expected = try Command.sqlite(original, "SELECT id FROM events \(order)")
        #expect(expected.count == 100_000)
        let walked = try server.walk("limit=1000")
        // Compared outside the expectation, which would spend hours on the difference of two long
        // lists.
        let isSame = walked.map(\.id) == expected
        #expect(isSame)
        #expect(walked.first?.title == "Event 99999")
        let filtered = try server.walk("limit=1000&severity=error&object_namespace=ns-6")
        let condition = "severity='error' AND object_namespace='ns-6'"
        let matching = try Command.sqlite(
            original, "SELECT id FROM events WHERE \(condition) \(order)")
        #expect(matching.count == 4_286)
        let isSameSelection = filtered.map(\.id) == matching
        #expect(isSameSelection)
        let stored = try server.post(NewEvent(id: "new").json).decode(StoredEvent.self)
        #expect(stored.seq > 100_000)
        #expect(try server.exchange("DELETE", "/events/new").status == 204)
        try server.stop()

        #expect(try differences(path, original) == 0)
        #expect(try Command.sqlite(path, "SELECT count(*) FROM events") == ["100000"])
        #expect(
            try Command.sqlite(path, "SELECT version FROM schema_version ORDER BY version")
                == ["1", "2"])
        #expect(
            try Command.sqlite(path, "SELECT * FROM schema_version WHERE version = 1")
                == ["1|2025-06-01T12:00:00.000Z|Initial schema with events table"])
        #expect(try Command.sqlite(path, "PRAGMA integrity_check") == ["ok"])
        let indexes = try Command.sqlite(
            path, "SELECT name FROM sqlite_master WHERE type='index' ORDER BY name")
        for name in ["type", "severity", "created", "object"] {
            #expect(indexes.contains("idx_events_\(name)"))
        }
        try checkBackup(against: original)
    }

    private func checkBackup(against original: String) throws {
        let backup = path + ".v1.bak"
        #expect(try Command.sqlite(backup, "PRAGMA integrity_check") == ["ok"])
        #expect(try differences(backup, original) == 0)
        for sql in [".schema", "SELECT * FROM schema_version", "SELECT count(*) FROM events"] {
            #expect(try Command.sqlite(backup, sql) == (try Command.sqlite(original, sql)))
        }
    }

    @Test("The copy can be put back, and is then migrated again")
    func restore() throws {
        try Version1.make(path, Version1.rows(500))
        let server = try LogbookProcess(in: folder)
        let before = try server.walk("limit=1000")
        #expect(before.count == 500)
        #expect(try server.exchange("DELETE", "/events/\(before[0].id)").status == 204)
        try server.stop()

        let other = try TemporaryFolder()
        try FileManager.default.copyItem(
            atPath: path + ".v1.bak", toPath: other.file("logbook.db"))
        let restored = try LogbookProcess(in: other)
        #expect(try restored.walk("limit=1000") == before)
    }

    @Test("No copy is kept if none is wanted")
    func withoutBackup() throws {
        try Version1.make(path, Version1.rows(10))
        let server = try LogbookProcess(in: folder, flags: ["--backup-before-migrate", "false"])
        #expect(try server.walk("").count == 10)
        try server.stop()
        #expect(!FileManager.default.fileExists(atPath: path + ".v1.bak"))
    }

    @Test("An empty file, one of version 1 without rows, and one without its record are served")
    func beginnings() throws {
        for (name, sql) in [
            ("empty.db", nil), ("rowless.db", version1DDL + Version1.record),
            ("recordless.db", version1DDL),
        ] {
            let path = folder.file(name)
            if let sql {
                try Command.sqlite(path, sql)
            } else {
                #expect(FileManager.default.createFile(atPath: path, contents: nil))
            }
            let server = try LogbookProcess(in: folder, database: name)
            #expect(try server.post(NewEvent().json).status == 201, "\(name)")
            try server.stop()
            #expect(
                try Command.sqlite(path, "SELECT version FROM schema_version ORDER BY version")
                    == ["1", "2"], "\(name)")
        }
    }

    @Test("Events inserted later come later among those of one moment")
    func insertionOrder() throws {
        // Their ids are not in the order of their insertion.
        let ids = ["m", "z", "a", "q", "b"]
        try Version1.make(
            path,
            ids.map {
                "INSERT INTO events VALUES ('\($0)','x','info','t',NULL,NULL,NULL,NULL,NULL,"
                    + "'2025-01-01T00:00:00.000Z');"
            }.joined())
        let server = try LogbookProcess(in: folder)
        #expect(try server.walk("order=asc").map(\.id) == ids)
        #expect(try server.walk("").map(\.id) == ids.reversed())
    }

    @Test("Rows that this version would not have taken survive, and all pages lead to them")
    func oddities() throws {
        let long = String(repeating: "long ", count: 300)
        try Version1.make(
            path,
            """
            INSERT INTO events VALUES
              (NULL, 'x', 'info', 'first without id', NULL, NULL, NULL, NULL, NULL, '2025-01-01'),
              (NULL, 'x', 'info', 'second without id', NULL, NULL, NULL, NULL, NULL, '2025-01-01'),
              ('', 'x', 'info', 'empty id', '', '', '', '', '', ''),
              ('a b/c?d%25é''"', 'Not A Type', 'FATAL', '', '\(long)', 'k', 'n', 'o', '{}', 'yesterday'),
              ('invalid', 'x', 'info', 't', NULL, NULL, NULL, NULL, '{"a":', '2025-01-01T00:00:00Z'),
              ('array', 'x', 'info', 't', NULL, NULL, NULL, NULL, '[1,2]', '2025-01-01T00:00:00+02:00'),
              ('spaced', 'x', 'info', 't', NULL, NULL, NULL, NULL, '{ "n" : 1.10,' || char(10) || '"b":[ ] }', '0'),
              ('twice', 'x', 'info', 't', NULL, NULL, NULL, NULL, '{"k":1,"k":2}', '2025-01-01 10:00:00'),
              ('number', 'x', 'info', 17, 1.5, NULL, NULL, NULL, 42, 1735689600),
              ('control', 'x', 'info', 'a' || char(0) || 'b' || char(27), NULL, NULL, NULL, NULL, NULL, '2025');
            """)
        let before = try Command.sqlite(path, "SELECT title FROM events ORDER BY rowid")
        let server = try LogbookProcess(in: folder)
        let walked = try server.walk("limit=1")
        #expect(walked.count == 10)
        #expect(try server.walk("limit=1&order=asc") == walked.reversed())
        let bySeq = walked.sorted { $0.seq < $1.seq }
        #expect(bySeq.prefix(9).map(\.title) == Array(before.prefix(9)))
        #expect(bySeq[9].title == "a\0b\u{1b}")
        #expect(bySeq[0].id != bySeq[1].id && bySeq[0].id.hasPrefix("evt_"))
        #expect(bySeq[2].id == "" && bySeq[2].description == "")
        #expect(bySeq[3].severity == "FATAL" && bySeq[3].description == long)
        #expect(bySeq[3].id == "a b/c?d%25é'\"" && bySeq[8].description == "1.5")
        // Invalid times become that of the migration.
        #expect(Set([0, 1, 2, 3, 6, 8, 9].map { bySeq[$0].createdAt }).count == 1)
        #expect(bySeq[5].createdAt == "2024-12-31T22:00:00.000Z")
        for event in bySeq where !event.id.isEmpty {
            let id = event.id.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let read = try server.exchange("GET", "/events/\(id)")
            #expect(try read.decode(StoredEvent.self) == event)
        }
        try checkMetadata(server)
        try server.stop()
        #expect(try Command.sqlite(path + ".v1.bak", "SELECT count(*) FROM events") == ["10"])
    }

    private func checkMetadata(_ server: LogbookProcess) throws {
        for (id, metadata) in [
            ("invalid", #"{"unparsed":"{\"a\":"}"#), ("array", #"{"unparsed":"[1,2]"}"#),
            ("number", #"{"unparsed":"42","created_at":"1735689600"}"#),
            ("spaced", #"{"n":1.10,"b":[],"created_at":"0"}"#),
        ] {
            let read = try server.exchange("GET", "/events/\(id)")
            #expect(read.text.contains("\"metadata\":\(metadata),"), "\(read.text)")
        }
        // If a key occurs twice, neither value may be lost.
        let twice = try server.exchange("GET", "/events/twice").text
        #expect(twice.contains("1") && twice.contains("2") && twice.contains("k"))
        let objects = try JSONSerialization.jsonObject(
            with: Data(try server.exchange("GET", "/events").body))
        #expect(objects is [String: Any])
    }

    @Test("Times of any length can be paged past", arguments: [24, 400, 600, 3_000])
    func longTimes(_ length: Int) throws {
        let time = String(repeating: "9", count: length)
        try Version1.make(
            path,
            (0..<4).map {
                "INSERT INTO events VALUES ('e\($0)','x','info','t',NULL,NULL,NULL,NULL,NULL,'\(time)');"
            }.joined())
        let server = try LogbookProcess(in: folder)
        #expect(try server.walk("limit=1&order=asc").map(\.id) == ["e0", "e1", "e2", "e3"])
    }

    @Test("Bytes that are not UTF-8 do not make an answer that is not JSON")
    func notUnicode() throws {
        try Version1.make(
            path,
            """
            INSERT INTO events VALUES
              ('a', 'x', 'info', CAST(x'41ff42' AS TEXT), CAST(x'c080' AS TEXT), NULL, NULL, NULL,
               CAST(x'7b226b223a22ff227d' AS TEXT), '2025-01-01'),
              ('b', 'x', 'info', x'41ff42', NULL, NULL, NULL, NULL, x'7b7d', CAST(x'32ff' AS TEXT)),
              ('c', 'x', 'info', 't', NULL, NULL, NULL, NULL, NULL, '2');
            """)
        let server = try LogbookProcess(in: folder)
        #expect(try server.walk("limit=1").count == 3)
        #expect(try server.walk("limit=1&order=asc").count == 3)
        for target in ["/events", "/events/a", "/events/b"] {
            let body = try server.exchange("GET", target).body
            #expect(String(validating: body, as: UTF8.self) != nil, "\(target)")
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(body)) }
        }
    }

    @Test("A failed migration leaves the file unchanged and is reported")
    func failing() throws {
        try Version1.make(
            path,
            Version1.rows(10)
                + "CREATE TABLE events_v2 (x);")
        let before = try Command.sqlite(path, ".dump")
        let server = try LogbookProcess(in: folder, awaitsReady: false)
        try server.logLine(containing: "failed")
        #expect(try server.exchange("GET", "/healthz").status == 200)
        for (method, target) in [
            ("GET", "/schema/version"), ("GET", "/readyz"), ("GET", "/events"), ("POST", "/events"),
            ("DELETE", "/events/e"), ("GET", "/schema"),
        ] {
            let body = method == "POST" ? NewEvent().json : nil
            let response = try server.exchange(method, target, body)
            try response.problem(503)
            #expect(response.header("Retry-After") != nil, "\(target)")
        }
        let probe = try Command(BuiltProgram.path, ["healthcheck", "--server", server.url])
        #expect(probe.status == 1)
        #expect(probe.errors.contains("503"))
        try server.stop()
        #expect(try Command.sqlite(path, ".dump") == before)
    }
}
