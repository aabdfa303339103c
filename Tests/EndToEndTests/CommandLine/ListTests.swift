import Foundation
import TestSupport
import Testing

@Suite("events list and get")
struct ListTests {
    private let server: LogbookProcess
    private let url: String

    init() throws {
        server = try LogbookProcess()
        url = server.url
        try server.store([
            NewEvent(
                id: "a", eventType: "operator", severity: "warning", title: "Rollout is slow",
                objectKind: "Deployment", objectNamespace: "shop", objectName: "web",
                createdAt: "2026-11-20T10:00:00.123Z"),
            NewEvent(
                id: "b", severity: "critical", title: "Say \"no\", twice\nor more",
                createdAt: "2026-11-21T10:00:00Z"),
            NewEvent(
                id: "c", severity: "error",
                title: "Knoten n\u{00F6}rdlich \u{6771}\u{4EAC} ist weg",
                objectKind: "Node", objectName: "n-1", createdAt: "2026-11-22T10:00:00Z"),
        ])
    }

    private func list(_ arguments: String..., environment: [String: String] = [:]) throws -> String
    {
        let command = try Command(
            BuiltProgram.path, ["events", "list"] + arguments, environment: environment)
        guard command.status == 0 else { throw HarnessError(command.errors) }
        return command.output
    }

    // MARK: Formats

    @Test("A table has a line for each event, newest first")
    func table() throws {
        #expect(
            try list("--server", url) == """
                LAST SEEN                 SEVERITY  REASON  OBJECT          COUNT  MESSAGE
                2026-11-22T10:00:00.000Z  error             Node/n-1        1      Knoten n\u{00F6}rdlich \u{6771}\u{4EAC} ist weg
                2026-11-21T10:00:00.000Z  critical                          1      Say "no", twice or more
                2026-11-20T10:00:00.123Z  warning           Deployment/web  1      Rollout is slow

                """)
        #expect(try list("--server", url, "--ids").contains("\na   2026-11-20T10"))
        #expect(try list("--server", url, "--severity", "info") == "")
    }

    @Test("Events that are alike are one line, where that is asked for")
    func folding() throws {
        try server.store(
            ["2026-11-22T10:00:00Z", "2026-11-22T09:00:00Z", "2026-11-19T10:00:00Z"].map {
                NewEvent(
                    severity: "info", title: "Backup failed", objectName: "db", createdAt: $0)
            })
        let folded = ["--server", url, "--severity", "info", "--fold"]
        #expect(
            try list(folded[0], folded[1], folded[2], folded[3], folded[4]) == """
                LAST SEEN                 SEVERITY  REASON  OBJECT  COUNT  MESSAGE
                2026-11-22T10:00:00.000Z  info              db      3      Backup failed

                """)
        let alone = try list("--server", url, "--severity", "info", "--no-fold")
        #expect(alone.split(separator: "\n").count == 4)
        // A pipe is no terminal.
        #expect(try list("--server", url, "--severity", "info") == alone)
        let json = try list(
            "--server", url, "--severity", "info", "--fold", "--format", "json")
        #expect(json.contains("\"fold\":{\"occurrences\":3,\"events\":3,"))
        #expect(
            try list("--server", url, "--fold", "--all", "--format", "csv")
                .split(separator: "\r\n").count == 4 + 1)
    }

    @Test("JSON is an array of the events as the server answers them")
    func json() throws {
        let events = try JSONDecoder().decode(
            [StoredEvent].self, from: Data(try list("--server", url, "--format", "json").utf8))
        #expect(try events == server.walk(""))
        #expect(try list("--server", url, "--severity", "info", "--format", "json") == "[]\n")
    }

    @Test("CSV is what the export of the server is")
    func csv() throws {
        let exported = try Command.output("curl", "-sS", "\(url)/events/export?format=csv")
        #expect(try list("--server", url, "--format", "csv") == exported)
    }

    // MARK: Selection

    @Test("Filters go to the server unchanged, and its refusals are shown")
    func filters() throws {
        #expect(try list("--server", url, "--severity", "error", "--ids").contains("\nc "))
        #expect(try list("--server", url, "--filter", "object_name=web", "--ids").contains("\na "))
        #expect(
            try list("--server", url, "--kind", "Node", "--name", "n-1", "--format", "json")
                .contains("\"id\":\"c\""))
        #expect(
            try list(
                "--server", url, "--since", "2026-11-21T00:00:00Z", "--until",
                "2026-11-22T00:00:00Z", "--ids"
            )
            .split(separator: "\n").count == 2)
        let refused = try LogbookCommand.run("events", "list", "--server", url, "--severity", "bad")
        #expect(refused.status == 64)
        #expect(refused.output.isEmpty)
        #expect(refused.errors.contains("--severity must be"), "\(refused.errors)")
        #expect(refused.errors.contains("info, warning, error, critical"), "\(refused.errors)")
    }

    @Test(
        "--limit goes over as many pages as it takes, --all over all",
        arguments: [2500, 1000, 1001, 0])
    func limit(_ limit: Int) throws {
        try server.store(
            (0..<2600).map { NewEvent(id: "n\($0)", createdAt: "2026-11-01T00:00:00Z") })
        let expected = try server.walk("limit=1000").map(\.id)
        let source = limit == 1001 ? ["--database", server.database] : ["--server", url]
        let output = try Command(
            BuiltProgram.path,
            ["events"] + (limit == 0 ? ["--all"] : ["-l\(limit)"]) + ["-ojson"] + source
        ).output
        let events = try JSONDecoder().decode([StoredEvent].self, from: Data(output.utf8))
        #expect(events.map(\.id) == Array(expected.prefix(limit == 0 ? .max : limit)))
    }

    // MARK: Files

    @Test(
        "A file answers as the server does, while that runs and when it does not",
        arguments: [true, false])
    func file(_ isServed: Bool) throws {
        let formats = ["table", "json", "yaml", "csv"]
        let expected = try formats.map { try list("--server", url, "--format", $0) }
        let filtered = try list("--server", url, "--severity", "error", "--order", "asc")
        if !isServed { try server.stop() }
        let before = try server.folder.contents()
        for (format, expected) in zip(formats, expected) {
            #expect(try list("--database", server.database, "--format", format) == expected)
        }
        #expect(
            try list("--database", server.database, "--severity", "error", "--order", "asc")
                == filtered)
        let get = try LogbookCommand.output("events", "get", "b", "--database", server.database)
        #expect(get.contains("Say \"no\", twice or more"))
        if !isServed { #expect(try server.folder.contents() == before) }
        #expect(try server.folder.contents().keys == before.keys)
        let wrong = try LogbookCommand.run(
            "events", "list", "--database", server.database, "--since", "soon")
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("--since"), "\(wrong.errors)")
    }

    @Test("A file that is read can be written by a server that starts, once it has been read")
    func sharedLock() throws {
        try server.stop()
        _ = try list("--database", server.database)
        let again = try LogbookProcess(in: server.folder)
        #expect(try again.walk("").count == 3)
    }

    @Test("An older file, and a missing one, are refused with what to do")
    func refusedFile() throws {
        let folder = try TemporaryFolder()
        let old = folder.file("old.db")
        try Version1.make(old, Version1.rows(3))
        let before = try folder.contents()
        let older = try LogbookCommand.run("events", "list", "--database", old)
        #expect(older.status == 3)
        #expect(older.errors.contains("schema migrate"), "\(older.errors)")
        let missing = try LogbookCommand.run(
            "events", "list", "--database", folder.file("none.db"))
        #expect(missing.status == 3)
        #expect(try folder.contents() == before)
    }

    // MARK: Terminals and pipes

    @Test("On a terminal a table fits its width, says how long ago, and colours severities")
    func terminal() throws {
        let line = "\"$LOGBOOK\" events list --server \(url)"
        let coloured = try LogbookCommand.terminal(
            columns: 80, line, environment: ["NO_COLOR": "", "NO_PAGER": "1"])
        #expect(coloured.contains { $0.contains("\u{1B}[31merror") })
        #expect(coloured.contains { $0.contains("\u{1B}[1;31mcritical") })
        let plain = try LogbookCommand.terminal(
            columns: 80, line, environment: ["NO_COLOR": "1", "NO_PAGER": "1"])
        #expect(plain.count == 4)
        #expect(!plain.joined().contains("\u{1B}"))
        for line in plain.dropFirst() {
            #expect(line.prefixMatch(of: #/(in )?\d+[smhd]/#) != nil, "\(line)")
        }
        for columns in [40, 50, 60, 70, 80] {
            for line in try LogbookCommand.terminal(
                columns: columns, line, environment: ["NO_COLOR": "1", "NO_PAGER": "1"])
            {
                // The two ideographs take two columns each.
                let wide = line.unicodeScalars.filter { $0.value > 0x3000 }.count
                #expect(line.count + wide <= columns, "\(columns): \(line)")
            }
        }
        let absolute = try LogbookCommand.terminal(
            columns: 120, "\(line) --time absolute",
            environment: ["NO_PAGER": "1", "TZ": "Europe/Berlin"])
        #expect(absolute.last?.hasPrefix("2026-11-20 11:00:00  ") == true)
        let utc = try LogbookCommand.terminal(
            columns: 120, "\(line) --time absolute --utc --no-pager",
            environment: ["TZ": "Europe/Berlin"])
        #expect(utc.last?.hasPrefix("2026-11-20 10:00:00Z  ") == true)
        #expect(try list("--server", url, "--time", "relative").contains(/\d+[smhd] +error/))
    }

    @Test("What an event holds has no power over the terminal")
    func defused() throws {
        let title = "\\u001b[2J\\u009b31m\\u202egnp\\u0007 end"
        let event =
            "{\"id\":\"evil\",\"event_type\":\"x\",\"severity\":\"info\",\"title\":\"\(title)\"}"
        #expect(try server.post(event).status == 201)
        let shown = try list("--server", url, "--type", "x")
        let single = try LogbookCommand.output("events", "get", "evil", "--server", url)
        for text in [shown, single] {
            #expect(
                text.unicodeScalars.allSatisfy {
                    $0 == "\n"
                        || ($0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value)
                            && $0.value != 0x202E)
                })
            #expect(text.contains("end"))
        }
    }

    @Test("A reader that has enough ends it in silence")
    func brokenPipe() throws {
        try server.store((0..<5000).map { NewEvent(id: "n\($0)") })
        let run = try LogbookCommand.shell(
            "logbook events list --server \(url) --all --format json | head -n 1; echo ${PIPESTATUS[0]}"
        )
        #expect(run.output == "[\n141\n")
        #expect(run.errors.isEmpty, "\(run.errors)")
    }

    @Test("A full disk under standard output is a failure")
    func fullDisk() throws {
        let run = try LogbookCommand.shell("logbook events list --server \(url) > /dev/full")
        #expect(run.status == 1)
        #expect(run.errors.contains("cannot write to standard output"), "\(run.errors)")
    }

    // MARK: One event

    @Test("get shows one event in each format, and says when there is none")
    func get() throws {
        let table = try LogbookCommand.output("events", "get", "a", "--server", url)
        #expect(table.contains("Namespace:    shop\n"))
        #expect(!table.contains("Description"), "what is null is left out")
        let json = try LogbookCommand.output(
            "events", "get", "a", "--server", url, "--format", "json")
        #expect(try json == server.exchange("GET", "/events/a").text)
        let yaml = try LogbookCommand.output(
            "events", "get", "a", "--server", url, "--format", "yaml")
        #expect(yaml.hasPrefix("id: a\nevent_type: operator\n"))
        let csv = try LogbookCommand.output(
            "events", "get", "a", "--server", url, "--format", "csv")
        #expect(csv.split(separator: "\r\n").count == 2)
        for source in [["--server", url], ["--database", server.database]] {
            let none = try Command(BuiltProgram.path, ["events", "get", "no/such id"] + source)
            #expect(none.status == 1)
            #expect(none.errors.contains("no/such id"), "\(none.errors)")
        }
    }
}
