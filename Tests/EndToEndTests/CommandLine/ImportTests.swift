import Foundation
import TestSupport
import Testing

@Suite("events import and add")
struct ImportTests {
    private let server: LogbookProcess
    private let folder: TemporaryFolder

    init() throws {
        server = try LogbookProcess()
        folder = server.folder
    }

    private func file(_ name: String, _ text: String) throws -> String {
        let path = folder.file(name)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func imported(_ path: String) throws -> Command {
        try LogbookCommand.run("events", "import", path, "--server", server.url)
    }

    private func exported(_ url: String) throws -> String {
        try LogbookCommand.output("events", "export", "--server", url)
    }

    /// An export without the values that each store sets.
    private func content(_ export: String) -> [String] {
        export.split(separator: "\n").map {
            String($0).replacing(/,"received_at":.*"seq":\d+/, with: "")
        }.sorted()
    }

    // MARK: Text

    @Test("An export is imported unchanged, and only once")
    func roundTrip() throws {
        try server.store(
            (0..<6000).map { NewEvent(id: "e\($0)", title: "\"quoted\" \\ \u{1F600} \($0)") })
        try server.post(
            #"{"id":"m","event_type":"x","severity":"info","title":"t","metadata":{"a":1.10,"b":[{}]}}"#
        )
        let path = folder.file("events.ndjson")
        _ = try LogbookCommand.output(
            "events", "export", "--server", server.url, "--output", path)
        let other = try LogbookProcess()
        for (attempt, expected) in ["accepted 6001, duplicates 0", "accepted 0, duplicates 6001"]
            .enumerated()
        {
            let run = try LogbookCommand.run("events", "import", path, "--server", other.url)
            #expect(run.output == "\(expected), rejected 0\n", "\(attempt): \(run.errors)")
            #expect(run.status == 0)
            #expect(run.errors == (attempt == 0 ? "Their ages count from now.\n" : ""))
        }
        #expect(try content(exported(other.url)) == content(exported(server.url)))
    }

    @Test("A move between stores keeps when events were received, but never later than now")
    func keptTimes() throws {
        let times = [
            "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:06.000Z", "2099-12-31T00:00:00.000Z",
        ]
        let lines = times.enumerated().map { index, time in
            #"{"id":"e\#(index)","event_type":"x","severity":"info","title":"t","#
                + #""received_at":"\#(time)","fold_key":null,"seq":\#(index + 7)}"#
        }
        let path = try file("moved", lines.joined(separator: "\n"))
        let run = try LogbookCommand.run(
            "events", "import", path, "--keep-received-at", "--server", server.url)
        #expect(run.output == "accepted 3, duplicates 0, rejected 0\n", "\(run.errors)")
        #expect(run.errors == "")
        let forgetful = try LogbookProcess(flags: ["--retain-info", "7d"])
        let told = try LogbookCommand.run(
            "events", "import", path, "--keep-received-at", "--server", forgetful.url)
        #expect(told.errors.hasPrefix("2 of them are past the age that the server keeps them for"))
        let other = try LogbookProcess()
        let database = try LogbookCommand.run(
            "events", "import", server.database, "--keep-received-at", "--server", other.url)
        #expect(database.status == 0, "\(database.errors)")
        let moved = try exported(other.url).split(separator: "\n")
        for (index, time) in times.prefix(2).enumerated() {
            #expect(
                moved.contains {
                    $0.contains("\"id\":\"e\(index)\"")
                        && $0.contains("\"received_at\":\"\(time)\"")
                }, "\(moved)")
        }
        #expect(!moved.contains { $0.contains("\"received_at\":\"2099") })
    }

    @Test("A database that does not know when its events were received keeps no such times")
    func noTimesToKeep() throws {
        let path = folder.file("version1.db")
        try Version1.make(path, Version1.rows(3))
        let run = try LogbookCommand.run(
            "events", "import", path, "--keep-received-at", "--server", server.url)
        #expect(run.status == 1)
        #expect(run.errors.contains("leave --keep-received-at out"), "\(run.errors)")
    }

    @Test("Lines and arrays, pretty or not, from a file or standard input, without ids and twice")
    func shapes() throws {
        let events = [
            #"{"event_type":"a","severity":"info","title":"x[,]\"}]","created_at":"2026-11-20T10:00:00Z"}"#,
            #"{"event_type":"a","severity":"info","title":"y\\","metadata":{"k":[1,{"b":"]"}]},"created_at":"2026-11-20T10:00:00Z"}"#,
            // Two equal lines are two events.
            #"{"event_type":"a","severity":"info","title":"z","created_at":"2026-11-20T10:00:00Z"}"#,
            #"{"event_type":"a","severity":"info","title":"z","created_at":"2026-11-20T10:00:00Z"}"#,
        ]
        let lines = events.joined(separator: "\n")
        let array = " \n[ " + events.joined(separator: " ,\n") + "\n]\n"
        let pretty = array.replacingOccurrences(of: #","severity""#, with: ",\r\n\t\"severity\"")
        for (number, text) in [lines, "\n\n\(lines)\r\n\n", array, pretty].enumerated() {
            let type = "t\(number)"
            let path = try file("in", text.replacingOccurrences(of: "\"a\"", with: "\"\(type)\""))
            #expect(
                try imported(path).output == "accepted 4, duplicates 0, rejected 0\n", "\(text)")
            let piped = try LogbookCommand.shell(
                "cat \(path) | logbook events import --server \(server.url)")
            #expect(piped.output == "accepted 0, duplicates 4, rejected 0\n", "\(piped.errors)")
            let stored = try server.walk("event_type=\(type)")
            #expect(Set(stored.map(\.title)) == ["x[,]\"}]", "y\\", "z"])
        }
        #expect(try imported(file("none", "")).output == "accepted 0, duplicates 0, rejected 0\n")
        #expect(
            try imported(file("none", " [ ] ")).output == "accepted 0, duplicates 0, rejected 0\n")
    }

    @Test("Events that cannot be stored are reported by position, and the rest is stored")
    func rejected() throws {
        try server.store([NewEvent(id: "taken", title: "Before")])
        let long = String(repeating: "x", count: 1024 * 1024)
        let path = try file(
            "in",
            """
            {"id":"a","event_type":"a","severity":"info","title":"x"}
            {"id":"b","event_type":"a","severity":"bad","title":"x"}

            nonsense
            {"id":"c","event_type":"a","severity":"info","title":"\(long)"}
            {"id":"taken","event_type":"a","severity":"info","title":"After"}
            [{"id":"d"}]
            {"id":"e","event_type":"a","severity":"info","title":"x"
            {"id":"f","event_type":"a","severity":"info","title":"x"}
            """)
        let run = try imported(path)
        #expect(run.status == 1)
        #expect(run.output == "accepted 2, duplicates 0, rejected 6\n")
        for text in [
            "line 2: severity must be", "line 4: expected", "line 5: is longer than 1048576 bytes",
            "line 6: id is taken", "element 1: event_type is required", "line 8: expected",
        ] {
            #expect(run.errors.contains(text), "\(text): \(run.errors)")
        }
        #expect(try Set(server.walk("").map(\.id)) == ["taken", "a", "f"])

        // One whole piece, which the server answers differently.
        let none = try imported(file("in", #"[{"event_type":"a"},{"title":"x"}]"#))
        #expect(none.status == 1)
        #expect(none.output == "accepted 0, duplicates 0, rejected 2\n")
        #expect(none.errors.contains("element 1: severity is required"), "\(none.errors)")
        #expect(none.errors.contains("element 2: event_type is required"), "\(none.errors)")

        let many = try imported(file("in", String(repeating: "{\n", count: 100)))
        #expect(many.output == "accepted 0, duplicates 0, rejected 100\n")
        #expect(many.errors.split(separator: "\n").count == 21)
        for text in ["[{}", "[{},", "[{}]]", "[\"", "["] {
            let broken = try imported(file("in", text))
            #expect(broken.status == 1, "\(text)")
            #expect(!broken.errors.isEmpty)
        }
        let missing = try imported(folder.file("none"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("none"))
    }

    /// The event with this id, as JSON.
    private func event(_ id: String) -> String {
        #"{"id":"\#(id)","event_type":"a","severity":"info","title":"[x],{\"","metadata":{"k":[{}]}}"#
    }

    @Test("Whatever is broken, its neighbors are stored")
    func neighbors() throws {
        let (a, b, c) = (event("a"), event("b"), event("c"))
        let texts: [(text: String, stored: [String], rejected: Int, error: String)] = [
            ("[\(a),\(b)", ["a", "b"], 1, "element 2: the array breaks off"),
            ("[\(a),\(b),", ["a", "b"], 1, "element 3: the array breaks off"),
            ("[\(a),\n\(b.dropLast(4))", ["a"], 1, "element 2: expected"),
            ("[\(a), {\"id\":\"x, \n\(b),\n\(c)]", ["a", "b", "c"], 1, "element 2:"),
            ("[{\"id\":\"x\",\(a),{\"m\":{\"k\":1,\(b)]", ["a", "b"], 2, "element 1:"),
            ("[\(a)},\n[],7,null,{},\(b)]", ["a", "b"], 5, "element 2:"),
            ("[\(a)]\nwarning: slow\n\(b)", ["a", "b"], 1, "line 2: "),
            ("[warning] slow\n\(a)", ["a"], 2, "element 1: "),
            ("[\(a)][\(b)]\n", ["a", "b"], 0, ""),
            ("\(a)\n\(b.dropLast(9))\n\u{0}\n\(c)", ["a", "c"], 2, "line 2: "),
            ("\u{FEFF}\(a)\n\(b.dropLast())", ["a"], 1, "line 2: "),
            (#"{"kind":"EventList","items":null}"#, [], 0, ""),
            (#"{"items":[],"metadata":{}}"#, [], 0, ""),
            ("{\"items\":[\(a),{},\(b)]}\n\(c)", ["a", "b", "c"], 1, "line 1, item 2: "),
        ]
        for (text, stored, rejected, error) in texts {
            let run = try imported(file("in", text))
            #expect(
                run.output == "accepted \(stored.count), duplicates 0, rejected \(rejected)\n",
                "\(text): \(run.errors)")
            #expect(run.status == (rejected == 0 ? 0 : 1))
            #expect(
                error.isEmpty
                    ? run.errors == (stored.isEmpty ? "" : "Their ages count from now.\n")
                    : run.errors.contains(error), "\(run.errors)")
            #expect(try server.walk("").map(\.id).sorted() == stored, "\(text)")
            for id in stored {
                #expect(try server.exchange("DELETE", "/events/\(id)").status == 204)
            }
        }
        let utf16 = folder.file("utf16")
        try a.write(toFile: utf16, atomically: true, encoding: .utf16)
        #expect(try imported(utf16).output == "accepted 1, duplicates 0, rejected 0\n")
    }

    private func eventCase(_ name: String) -> String {
        BuiltProgram.repository.appendingPathComponent("Tests/Data/event-cases/\(name).json").path
    }

    @Test("What kubectl prints is stored, by PowerShell too, and twice is once")
    func kubernetes() throws {
        let cases: [(name: String, stored: Int, rejected: Int, error: String)] = [
            ("watch", 2, 0, ""), ("utf16", 1, 0, ""), ("list", 1, 0, ""), ("empty-list", 0, 0, ""),
            ("list-of-null", 0, 0, ""), ("exporter", 1, 0, ""), ("half-surrogate", 1, 0, ""),
            ("invalid-utf8", 2, 0, ""), ("truncated", 9, 1, "line 10: expected"),
            ("warning-between", 2, 1, "line 2: expected"),
            ("list-with-pod", 2, 1, "line 1, item 2: kind must be Event"),
        ]
        for (name, stored, rejected, error) in cases {
            let run = try imported(eventCase(name))
            #expect(
                run.output == "accepted \(stored), duplicates 0, rejected \(rejected)\n",
                "\(name): \(run.errors)")
            #expect(error.isEmpty || run.errors.contains(error), "\(name): \(run.errors)")
            let again = try server.post(String(contentsOfFile: eventCase("watch"), encoding: .utf8))
            #expect(try again.decode(BatchSummary.self).accepted == 0)
        }
        let shown = try LogbookCommand.output("events", "import", eventCase("watch"), "--dry-run")
        #expect(shown.split(separator: "\n").count == 2)
        #expect(
            try imported(file("shown", shown)).output == "accepted 0, duplicates 2, rejected 0\n")
    }

    @Test("--cluster-name is the cluster of events that name none, of Kubernetes and of Logbook")
    func cluster() throws {
        let native =
            #"{"event_type":"cluster","severity":"info","title":"t","id":"a"}"# + "\n"
            + #"{"event_type":"cluster","severity":"info","title":"t","id":"b","cluster":null}"#
            + "\n"
            + #"{"event_type":"cluster","severity":"info","title":"t","id":"c","cluster":"own"}"#
            + "\n"
        let name = "eu 2&strict=true/\"é"
        let shown = try LogbookCommand.output(
            "events", "import", file("native", native), "--dry-run", "--cluster-name", name)
        struct Named: Decodable { let cluster: String? }
        let read = try shown.split(separator: "\n").map {
            try JSONDecoder().decode(Named.self, from: Data($0.utf8)).cluster
        }
        #expect(read == [name, name, "own"])
        for path in [eventCase("watch"), try file("native", native)] {
            let run = try LogbookCommand.run(
                "events", "import", path, "--server", server.url, "--cluster-name", name)
            #expect(run.output.hasPrefix("accepted "), "\(run.errors)")
        }
        #expect(try server.walk("").count == 5)
        #expect(try server.walk("cluster=own").count == 1)
        #expect(try server.walk("cluster=!own,*").count == 4)
    }

    @Test("What has come is sent after a second of silence, and on Ctrl-C")
    func silence() throws {
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let child = try ChildProcess(
            BuiltProgram.path, ["events", "import", pipe, "--server", server.url])
        let sender = try FileHandle(forWritingTo: URL(filePath: pipe))
        func waitFor(_ count: Int) throws {
            let deadline = Patience.deadline
            while try server.walk("").count < count {
                guard Date() < deadline else { throw HarnessError(child.standardError.text) }
                usleep(2_000)  // There is no event to wait for: only asking tells.
            }
        }
        let event = try String(contentsOfFile: eventCase("cluster-scope"), encoding: .utf8)
        try sender.write(contentsOf: Data(event.utf8))
        try waitFor(1)
        try sender.write(contentsOf: Data(event.replacing("\"u9\"", with: "\"u10\"").utf8))
        try waitFor(2)
        try sender.write(contentsOf: Data(event.replacing("\"u9\"", with: "\"u11\"").utf8))
        child.signal(SIGINT)
        #expect(try child.waitForExit() == 130, "\(child.standardError.text)")
        #expect(try server.walk("").count == 3)
        try sender.close()
    }

    @Test(
        "A stream without end is stored while it comes, and an import that is killed can be repeated"
    )
    func killed() throws {
        let lines = (0..<20_000).map {
            #"{"event_type":"a","severity":"info","title":"Event \#($0)"}"#
        }
        let path = try file("in", lines.joined(separator: "\n"))
        // The pipe stays open, so the import does not end.
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let child = try ChildProcess(
            BuiltProgram.path, ["events", "import", pipe, "--server", server.url])
        let sender = try FileHandle(forWritingTo: URL(filePath: pipe))
        try sender.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
        let client = try server.connect()
        let deadline = Patience.deadline
        while try client.exchange("GET", "/events?limit=1").decode(EventList.self).events.isEmpty {
            guard Date() < deadline else { throw HarnessError(child.standardError.text) }
            usleep(2_000)  // There is no event to wait for: only asking tells.
        }
        child.kill()
        try sender.close()
        let run = try imported(path)
        #expect(run.status == 0, "\(run.errors)")
        let counts = run.output.matches(of: /\d+/).compactMap { Int($0.output) }
        #expect(
            counts.count == 3 && counts[0] + counts[1] == 20_000 && counts[1] > 0, "\(run.output)")
        #expect(try server.walk("limit=1000").count == 20_000)
    }

    @Test(
        "A server that goes away in the middle is waited for, and nothing is stored twice",
        .ofFile(.commands))
    func restarted() throws {
        let place = try TemporaryFolder()
        let socket = "unix:\(place.file("s"))"
        var target = try LogbookProcess(in: place, flags: ["--listen", socket])
        let lines = (0..<30_000).map {
            #"{"event_type":"a","severity":"info","title":"Event \#($0)"}"#
        }
        let path = try file("in", lines.joined(separator: "\n"))
        let child = try ChildProcess(
            BuiltProgram.path, ["events", "import", path, "--server", socket])
        let client = try target.connect()
        let deadline = Patience.deadline
        while try client.exchange("GET", "/events?limit=1").decode(EventList.self).events.isEmpty {
            guard Date() < deadline else { throw HarnessError(child.standardError.text) }
            usleep(1_000)  // There is no event to wait for: only asking tells.
        }
        target.kill()
        _ = try child.standardError.line(containing: "trying again")
        target = try LogbookProcess(in: place, flags: ["--listen", socket])
        #expect(try child.waitForExit() == 0, "\(child.standardError.text)")
        #expect(try Command.sqlite(target.database, "SELECT count(*) FROM events") == ["30000"])
    }

    @Test("Progress is shown on a terminal, with the time left")
    func progress() throws {
        let lines = (0..<20_000).map {
            #"{"event_type":"a","severity":"info","title":"Event \#($0)"}"#
        }
        let path = try file("in", lines.joined(separator: "\n"))
        let shown = try LogbookCommand.terminal(
            columns: 80, "\"$LOGBOOK\" events import \(path) --server \(server.url)")
        #expect(shown.joined().contains(/\d+ events, \d+ %, \d+\/s, \d+:\d\d left/), "\(shown)")
        let last = shown.suffix(2).first
        #expect(last?.hasSuffix("accepted 20000, duplicates 0, rejected 0") == true)
    }

    // MARK: Databases

    @Test("A database of version 1 is imported with every row, and stays as it is")
    func version1() throws {
        let old = folder.file("old.db")
        try Version1.make(
            old,
            Version1.rows(3000) + """
                INSERT INTO events VALUES
                  (NULL, 'cluster', 'info', 'Without an id', NULL, NULL, NULL, NULL, NULL, '2025-06-01T12:00:00.000Z'),
                  ('odd', 'cluster', 'info', 'Odd metadata', '', NULL, NULL, NULL, 'no JSON', '2025-06-01T12:00:00.000Z'),
                  ('bad', 'cluster', 'fatal', 'Not an event', NULL, NULL, NULL, NULL, NULL, '2025-06-01T12:00:00.000Z');
                """)
        let before = try Data(contentsOf: URL(filePath: old))
        let first = try imported(old)
        #expect(first.output == "accepted 3002, duplicates 0, rejected 1\n", "\(first.errors)")
        #expect(first.errors.contains("row 3003: severity must be"), "\(first.errors)")
        #expect(try imported(old).output == "accepted 0, duplicates 3002, rejected 1\n")
        #expect(try Data(contentsOf: URL(filePath: old)) == before)
        let names = try folder.contents().keys.filter { $0.hasPrefix("old.db") }
        #expect(names == ["old.db"])
        let columns = Version1.columns
        let rows = "SELECT \(columns) FROM events WHERE id LIKE 'evt%' ORDER BY id"
        #expect(try Command.sqlite(old, rows) == Command.sqlite(server.database, rows))
        #expect(try server.exchange("GET", "/events/odd").text.contains(#"{"unparsed":"no JSON"}"#))
    }

    @Test("A database in use is imported as well")
    func live() throws {
        let other = try LogbookProcess()
        try other.store((0..<100).map { NewEvent(id: "e\($0)") })
        let run = try imported(other.database)
        #expect(run.output == "accepted 100, duplicates 0, rejected 0\n", "\(run.errors)")
        try other.store([NewEvent(id: "later")])
        #expect(try imported(other.database).output == "accepted 1, duplicates 100, rejected 0\n")
    }

    // MARK: One event

    @Test("add stores an event with all that is given")
    func add() throws {
        let output = try LogbookCommand.output(
            "events", "add", "--server", server.url, "--type", "operator", "--severity", "warning",
            "--title", "A \"title\"", "--description", "In\nlines", "--kind", "Pod", "--namespace",
            "shop", "--name", "web-1", "--metadata", #"{ "a": 1.10 }"#, "--id", "x1",
            "--created-at", "2026-11-20T10:00:00+01:00", "--format", "json")
        #expect(try output == server.exchange("GET", "/events/x1").text)
        let stored = try JSONDecoder().decode(StoredEvent.self, from: Data(output.utf8))
        #expect(stored.title == "A \"title\"")
        #expect(stored.description == "In\nlines")
        #expect(stored.createdAt == "2026-11-20T09:00:00.000Z")
        #expect(output.contains(#""metadata":{"a":1.10}"#))
        let short = try LogbookCommand.output(
            "events", "add", "--server", server.url, "--type", "a", "--severity", "info", "--title",
            "t")
        #expect(short.contains(/ID: +evt_\d{8}_\d{6}_[0-9a-f]{16}\n/), "\(short)")
    }

    @Test("add says what is wrong, and waits for a server that comes late")
    func addFailures() throws {
        func add(_ arguments: String..., server: String? = nil) throws -> Command {
            try Command(
                BuiltProgram.path,
                [
                    "events", "add", "--server", server ?? self.server.url, "--type", "a",
                    "--title", "t",
                ]
                    + arguments)
        }
        let bad = try add("--severity", "bad")
        #expect(bad.status == 1)
        #expect(bad.errors.contains("severity must be one of"), "\(bad.errors)")
        #expect(try add("--severity", "info", "--id", "x").status == 0)
        let taken = try add("--severity", "error", "--id", "x")
        #expect(taken.status == 1)
        #expect(taken.errors.contains("409 Conflict"), "\(taken.errors)")
        for metadata in ["{", "{},\"seq\":1", ""] {
            let run = try add("--severity", "info", "--metadata", metadata)
            #expect(run.status == 64, "\(metadata)")
            #expect(run.errors.contains("--metadata is not JSON"), "\(run.errors)")
        }
        let place = try TemporaryFolder()
        let socket = "unix:\(place.file("s"))"
        let child = try ChildProcess(
            BuiltProgram.path,
            [
                "events", "add", "--server", socket, "--type", "a", "--severity", "info", "--title",
                "late", "--patience", "\(Patience.seconds)",
            ])
        _ = try child.standardError.line(containing: "trying again")
        let late = try LogbookProcess(in: place, flags: ["--listen", socket])
        #expect(try child.waitForExit() == 0)
        #expect(try late.walk("").map(\.title) == ["late"])
    }
}
