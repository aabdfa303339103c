import Foundation
import TestSupport
import Testing

/// Malicious files, opened by every command that opens one.
@Suite("Hostile files", .ofFile(.content))
struct HostileFileTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("logbook.db")
    }

    /// Creates a file with three events.
    private func make() throws {
        let server = try LogbookProcess(in: folder)
        try server.store((1...3).map { NewEvent(id: "e\($0)") })
        try server.stop()
    }

    /// Runs `sql` with the types and NOT NULL constraints of the tables removed.
    private func plant(_ sql: String) throws {
        let tables = "name IN ('events', 'store_state', 'search_state')"
        let restoring = try Command.sqlite(
            path,
            """
            SELECT printf('UPDATE sqlite_master SET sql = %Q WHERE name = %Q;', sql, name)
            FROM sqlite_master WHERE \(tables)
            """)
        try Command.sqlite(
            path,
            """
            PRAGMA writable_schema=ON;
            UPDATE sqlite_master SET sql = replace(replace(sql, ' TEXT', ''), ' NOT NULL', '') WHERE \(tables)
            """)
        try Command.sqlite(path, sql)
        try Command.sqlite(path, "PRAGMA writable_schema=ON; \(restoring.joined(separator: "\n"))")
    }

    @Test(
        "What would run, or be counted with, is refused by every command, and nothing is touched",
        arguments: [
            (
                "CREATE TRIGGER gone AFTER INSERT ON events BEGIN DELETE FROM events WHERE seq = new.seq; END",
                "has the trigger gone on events"
            ),
            ("CREATE VIEW recent AS SELECT * FROM events", "has the view recent"),
            (
                "UPDATE events SET seq = 9223372036854775807 WHERE id = 'e3'",
                "events.seq is 9223372036854775807"
            ),
            (
                "UPDATE search_state SET indexed_seq = -9223372036854775808",
                "search_state.indexed_seq is -9223372036854775808"
            ),
            ("UPDATE store_state SET clock = -1", "store_state.clock is -1"),
        ])
    func refused(_ sql: String, _ words: String) throws {
        try make()
        try plant(sql)
        let copy = folder.file("copy.db")
        // Each start writes its identity into the lock file.
        let locks = ["logbook.db.lock", "copy.db.lock"]
        let before = try folder.contents().filter { !locks.contains($0.key) }
        for arguments in [
            ["serve", "--listen", "127.0.0.1:0", "--database", path],
            ["restore", "--from", path, "--database", copy],
            ["backup", "--database", path, "--output", copy],
            ["events", "list", "--database", path], ["events", "stats", "--database", path],
            ["schema", "show", "--database", path],
        ] {
            let command = try Command(BuiltProgram.path, arguments)
            #expect(command.status == 3, "\(arguments): \(command.errors)")
            #expect(command.errors.contains(words), "\(arguments): \(command.errors)")
        }
        let check = try Command(BuiltProgram.path, ["check", "--database", path])
        // A foreign schema is another program's file; a bad value is damage.
        #expect(check.status == (sql.hasPrefix("CREATE") ? 3 : 1))
        #expect((check.output + check.errors).contains(words))
        #expect(try folder.contents().filter { !locks.contains($0.key) } == before)
    }

    /// Metadata that would form a message of its own, rows without required fields, and so many
    /// bytes that the start does not check every page.
    private static let oddRows = """
        UPDATE events SET metadata = '{}' || char(10, 10) || 'id: 99' || char(10) || 'event: event' || char(10)
          || 'data: {"seq":99}' || char(10, 10) WHERE id = 'e1';
        UPDATE events SET created_at = NULL, title = NULL WHERE id = 'e2';
        UPDATE events SET occurrences = -9223372036854775808, fold_key = 'x', received_at = 1e300,
          description = x'ff' WHERE id = 'e1';
        CREATE TABLE large AS SELECT zeroblob(9000000);
        """

    @Test("A row that no Logbook wrote costs only itself, and the check tells of it")
    func oddRows() throws {
        try make()
        try plant(Self.oddRows)
        let check = try Command(BuiltProgram.path, ["check", "--database", path])
        #expect(check.status == 1)
        #expect(check.output.contains("NULL value in events."), "\(check.output)")

        let server = try LogbookProcess(in: folder)
        #expect(try server.exchange("GET", "/events?fields=id,seq").text.contains(#""returned":2"#))
        for target in ["/events?q=Title&order=asc", "/events?fold=true&count=exact"] {
            let page = try server.exchange("GET", target)
            _ = try JSONSerialization.jsonObject(with: Data(page.body))
        }
        try server.exchange("GET", "/events/e2").problem(500)
        #expect(try server.exchange("GET", "/events/e1").status == 200)
        #expect(
            try server.exchange("GET", "/events/stats?by=severity,object&occurrences=true").status
                == 200)
        #expect(try server.post(NewEvent(id: "e4").json).status == 201)
        #expect(try server.exchange("GET", "/events/e4").status == 200)
        try server.logLine(containing: "The row with the seq 2 was left out of an answer")
        try expectNothingForged(server)

        let exported = try LogbookCommand.output("events", "export", "--database", path)
        #expect(exported.split(separator: "\n").count == 3)
        // Imported into another store, the row that can be an event becomes one; the other is
        // reported.
        let other = try LogbookProcess(flags: ["--max-body-bytes", "\(16 << 20)"])
        let run = try LogbookCommand.run("events", "import", path, "--server", other.url)
        #expect(run.status == 1 && run.output.contains("accepted 3, duplicates 0, rejected 1"))
        #expect(run.errors.contains("row 2: title must be a string, not null"), "\(run.errors)")
        #expect(try other.walk("").map(\.id).sorted() == ["e1", "e3", "e4"])
    }

    @Test("Restore says which rows no Logbook wrote, and puts the copy in place")
    func restore() throws {
        try make()
        try plant("UPDATE events SET metadata = 'x' WHERE id = 'e1'")
        let run = try Command(
            BuiltProgram.path,
            ["restore", "--from", path, "--database", folder.file("restored.db")])
        #expect(run.status == 0 && run.output.contains("3 events"))
        #expect(
            run.errors.contains("1 events whose metadata is not a JSON object"), "\(run.errors)")
    }

    /// Follows from the first event until the server ends.
    private func expectNothingForged(_ server: LogbookProcess) throws {
        let types = ["text/event-stream", "application/x-ndjson"]
        let clients = try types.map { type in
            let client = try server.connect()
            try client.send(
                RawClient.request("GET", "/events/stream?after=0", headers: [("Accept", type)]))
            try client.readSome()
            return client
        }
        server.terminate()
        for (type, client) in zip(types, clients) {
            let text = String(decoding: try client.readToEnd(), as: UTF8.self)
            let lines = text.split(separator: "\n")
            #expect(lines.count { $0.contains(#""event_type":"#) } == 3, "\(type): \(text)")
            #expect(!lines.contains { $0.hasPrefix("id: 99") || $0.hasPrefix(#"data: {"seq":99"#) })
        }
        #expect(try server.waitForExit() == 0)
    }
}
