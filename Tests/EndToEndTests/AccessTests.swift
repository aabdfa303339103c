import Foundation
import TestSupport
import Testing

/// Tokens, with the built program.
@Suite("Access control")
struct AccessTests {
    private let folder: TemporaryFolder
    private let file: AccessFile

    init() throws {
        folder = try TemporaryFolder()
        file = AccessFile(in: folder)
    }

    private func serve(_ flags: String..., environment: [String: String] = [:]) throws
        -> LogbookProcess
    {
        try LogbookProcess(in: folder, flags: file.flags + flags, environment: environment)
    }

    private func code(_ server: LogbookProcess, _ token: String, _ target: String = "/events")
        throws -> Int
    {
        try server.exchange("GET", target, headers: AccessFile.bearer(token)).status
    }

    // MARK: Routes

    @Test("Each route asks for its scope, and probes and contract for none")
    func routes() throws {
        let tokens = try ["read", "write", "admin"].map { ($0, try file.add($0, $0)) }
        let server = try serve()
        let client = try server.connect()
        let event = NewEvent(id: "a").json
        for (method, target, scope) in [
            ("POST", "/events", "write"), ("GET", "/events", "read"), ("GET", "/events/a", "read"),
            ("GET", "/events/stats", "read"), ("GET", "/schema", "read"),
            ("GET", "/schema/migrations", "read"), ("GET", "/metrics", "read"),
            ("DELETE", "/events?severity=critical", "admin"), ("DELETE", "/events/a", "admin"),
            ("HEAD", "/events", "read"),
            ("HEAD", "/backup", "admin"), ("HEAD", "/events/export", "read"),
            ("HEAD", "/events/stream", "read"),
            ("GET", "/", "none"), ("GET", "/healthz", "none"), ("GET", "/readyz", "none"),
            ("GET", "/schema/version", "none"), ("GET", "/openapi.yaml", "none"),
            ("GET", "/openapi.json", "none"), ("OPTIONS", "/events", "none"),
        ] {
            let body = method == "POST" ? event : nil
            func status(_ headers: [(String, String)]) throws -> Int {
                try client.exchange(method, target, body, headers: headers).status
            }
            #expect((try status([]) < 300) == (scope == "none"), "\(method) \(target)")
            for (name, token) in tokens {
                let isEnough = name == scope || name == "admin" || scope == "none"
                let found = try status(AccessFile.bearer(token))
                // The event that admin deletes is gone.
                // Only a file has backups.
                if TestStore.isPostgreSQL, found == 501 { continue }
                #expect(
                    found < 300 ? isEnough : found == 403 && !isEnough,
                    "\(method) \(target) \(name): \(found)")
            }
        }
    }

    @Test("A refusal says what is missing, and how to send it")
    func refusals() throws {
        let token = try file.add("ci", "read")
        let server = try serve()
        let none = try server.exchange("POST", "/events", NewEvent(id: "a").json)
        #expect(try none.problem(401).detail.contains("scope write"))
        #expect(none.header("WWW-Authenticate") == "Bearer realm=\"logbook\"")
        let wrong = try server.exchange("GET", "/events", headers: AccessFile.bearer(token + "x"))
        #expect(try wrong.problem(401).detail.contains("is unknown"))
        #expect(
            wrong.header("WWW-Authenticate") == "Bearer realm=\"logbook\", error=\"invalid_token\"")
        let weak = try server.exchange("POST", "/events", "{}", headers: AccessFile.bearer(token))
        #expect(try weak.problem(403).detail == "This needs the scope write, and 'ci' has read.")
        #expect(
            weak.header("WWW-Authenticate")
                == "Bearer realm=\"logbook\", error=\"insufficient_scope\", scope=\"write\"")
        for answer in [none, wrong, weak] { #expect(answer.header("Cache-Control") == "no-store") }
        // In a query, a token would end up in logs and histories, so it is ignored there.
        #expect(try server.exchange("GET", "/events?access_token=\(token)").status == 401)
        let both = try server.exchange(
            "GET", "/events?access_token=\(token)", headers: AccessFile.bearer(token))
        #expect(both.status == 400)
    }

    @Test("The probes' own address needs no token")
    func probeAddress() throws {
        try file.add("ci", "read")
        let server = try serve("--probe-listen", "unix:\(folder.file("probes"))")
        #expect(try server.exchange("GET", "/metrics").status == 401)
        let metrics = try Command.output(
            "curl", "-sS", "--unix-socket", folder.file("probes"), "http://localhost/metrics")
        #expect(metrics.contains("logbook_auth_failures_total{reason=\"no_token\"} 1\n"))
        #expect(metrics.contains("logbook_auth_failures_total{reason=\"invalid_token\"} 0\n"))
    }

    // MARK: Changes of the file

    @Test(
        "SIGHUP takes a new file in; one that is wrong, or gone, changes nothing, and says why once"
    )
    func reload() throws {
        let old = try file.add("old", "admin")
        let server = try serve("--reload-interval", "86400")
        #expect(try code(server, old) == 200)
        try server.logLine(containing: "1 tokens, 0 certificates")
        let new = try file.add("new", "read")
        #expect(try code(server, new) == 401)
        server.hangUp()
        try server.logLine(containing: "2 tokens, 0 certificates")
        #expect(try [old, new].map { try code(server, $0) } == [200, 200])

        let lines = try file.text().split(separator: "\n").map(String.init)
        try file.replace(by: lines + ["third read \(new)"])
        server.hangUp()
        let line = try server.logLine(
            containing: "Access is unchanged: the access file \(file.path)")
        #expect(line.contains(" error ") && line.contains("line 3 is not NAME SCOPES"))
        try FileManager.default.removeItem(atPath: file.path)
        server.hangUp()
        try server.logLine(containing: "No such file or directory")
        #expect(try [old, new].map { try code(server, $0) } == [200, 200])

        try file.replace(by: [lines[1], "who read certificate:who"])
        server.hangUp()
        try server.logLine(containing: "1 tokens, 1 certificates")
        #expect(try [old, new].map { try code(server, $0) } == [401, 200])
        #expect(!server.log.contains(old) && !server.log.contains(new))
    }

    @Test("A swapped link, as a Secret volume has it, is noticed without a signal")
    func reloadOnChange() throws {
        var tokens: [String] = []
        for version in ["v1", "v2"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(version), withIntermediateDirectories: false)
            let file = AccessFile(in: folder, name: "\(version)/access")
            tokens.append(try file.add("ci", "read"))
            if version == "v2" { try file.add("other", "read") }
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("..data"), withDestinationPath: "v1")
        try FileManager.default.createSymbolicLink(
            atPath: file.path, withDestinationPath: "..data/access")
        let server = try serve("--reload-interval", "0.02")
        #expect(try tokens.map { try code(server, $0) } == [200, 401])
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("next"), withDestinationPath: "v2")
        #expect(rename(folder.file("next"), folder.file("..data")) == 0)
        try server.logLine(containing: "2 tokens")
        #expect(try tokens.map { try code(server, $0) } == [401, 200])
    }

    @Test("Reloads under load refuse nobody whose token stays")
    func reloadUnderLoad() throws {
        let token = try file.add("stays", "read,write")
        let lines = try file.text().split(separator: "\n")
        let server = try serve("--reload-interval", "0.01")
        let isOver = Guarded(false)
        let replacing = Guarded(false)
        Thread.detachNewThread { [file] in
            var round = 0
            while !isOver.with({ $0 }) {
                round += 1
                let comments = (0..<round % 50).map { Substring("# \($0)") }
                do { try file.replace(by: comments + lines) } catch { break }
                if round % 3 == 0 { server.hangUp() }
                usleep(500)
            }
            replacing.with { $0 = true }
        }
        let clients = try (0..<4).map { _ in try server.connect() }
        for _ in 0..<500 {
            for client in clients {
                #expect(
                    try client.exchange("GET", "/events?limit=1", headers: AccessFile.bearer(token))
                        .status == 200)
            }
        }
        isOver.with { $0 = true }
        _ = replacing.wait { $0 ? true : nil }
        #expect(!server.log.contains("Access is unchanged"))
    }

    @Test("A live stream, and who follows it, end with their token")
    func streams() throws {
        let token = try file.add("gone", "read")
        try file.add("stays", "read")
        let server = try serve("--reload-interval", "86400", "--stream-heartbeat", "3600")
        let stream = try server.connect()
        try stream.send(
            RawClient.request("GET", "/events/stream", headers: AccessFile.bearer(token)))
        try stream.readSome()
        let tails = try ["gone", "stays"].map { name in
            try ChildProcess(
                BuiltProgram.path,
                [
                    "events", "list", "--follow", "--server", server.url, "--format", "json",
                    "--after", "0", "--token-file", file.tokenFile(name),
                ])
        }
        let writer = try file.add("writer", "write")
        server.hangUp()
        try server.logLine(containing: "3 tokens")
        func store(_ id: String) throws {
            #expect(
                try server.exchange(
                    "POST", "/events", NewEvent(id: id).json, headers: AccessFile.bearer(writer)
                ).status == 201)
        }
        try store("one")
        for tail in tails { _ = try tail.standardOutput.line(containing: "\"id\":\"one\"") }
        try file.remove("gone")
        server.hangUp()
        // The connection was broken off, not merely silent while this waits.
        let end = #expect(throws: HarnessError.self) { try stream.readToEnd() }
        #expect(String(describing: end).contains("reset"))
        #expect(try tails[0].waitForExit() == 1)
        #expect(try tails[0].standardError.wholeText().contains("401"))
        try store("two")
        _ = try tails[1].standardOutput.line(containing: "\"id\":\"two\"")
        #expect(!tails[0].standardOutput.text.contains("two"))
    }

    @Test("Of a body that began before its token went nothing more is stored")
    func bodies() throws {
        let token = try file.add("gone", "write")
        let reader = try file.add("reader", "read")
        let server = try serve("--reload-interval", "86400")
        func head(_ type: String, _ framing: String) -> String {
            "POST /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Type: \(type)\r\n\(framing)\r\n\r\n"
        }
        let whole = try server.connect()
        let event = NewEvent(id: "whole").json
        try whole.send(
            head("application/json", "Content-Length: \(event.utf8.count)") + event.prefix(20))
        let lines = try server.connect()
        func chunk(_ id: String) -> String {
            let line = NewEvent(id: id).json + "\n"
            return "\(String(line.utf8.count, radix: 16))\r\n\(line)\r\n"
        }
        try lines.send(head("application/x-ndjson", "Transfer-Encoding: chunked") + chunk("early"))
        let deadline = Patience.deadline
        while try code(server, reader, "/events/early") != 200 {
            guard Date() < deadline else { throw HarnessError("never stored") }
            usleep(2_000)
        }
        try file.remove("gone")
        server.hangUp()
        try server.logLine(containing: "1 tokens")
        try whole.send(String(event.dropFirst(20)))
        try whole.readResponse().problem(401)
        try lines.send(chunk("late") + "0\r\n\r\n")
        let problem = try lines.readResponse().problem(401)
        #expect(try #require(problem.summary).ids == ["early"])
        for id in ["whole", "late"] { #expect(try code(server, reader, "/events/\(id)") == 404) }
    }

    // MARK: The start

    @Test("A file that is missing, or none, is said at the start")
    func badFile() throws {
        for text in [nil, "a read s3cret", "\u{0}"] {
            try text?.write(toFile: file.path, atomically: true, encoding: .utf8)
            let run = try Command(
                BuiltProgram.path,
                ["serve", "--listen", "127.0.0.1:0", "--database", folder.file("a.db")] + file.flags
            )
            #expect(run.status == 1)
            #expect(
                run.errors.contains("critical the access file \(file.path) cannot be used: "),
                "\(run.errors)")
            #expect(run.errors.contains(text == nil ? "No such file" : "line 1 is not"))
            #expect(!run.errors.contains("s3cret"))
        }
    }

    @Test("A file that anyone may change causes a warning")
    func writable() throws {
        try file.add("a", "read")
        let isWarned = try serve().log.contains("chmod o-w")
        #expect(!isWarned)
        #expect(chmod(file.path, 0o602) == 0)
        #expect(try serve().logLine(containing: "chmod o-w").contains(" warning "))
    }

    @Test("Without access control an address that others reach is warned of, once, and no other")
    func warning() throws {
        let text = "can read, store and delete events"
        let open = try LogbookProcess(flags: [
            "--listen", "0.0.0.0:0", "--listen", "unix:\(folder.file("s"))",
        ])
        let lines = open.log.split(separator: "\n").filter { $0.contains(text) }
        #expect(lines.count == 1)
        #expect(lines.first?.contains(" warning Anyone who reaches 0.0.0.0:0 can ") == true)
        let local = try LogbookProcess(flags: ["--probe-listen", "0.0.0.0:0"])
        #expect(!local.log.contains(text))
        try file.add("a", "read")
        let guarded = try serve("--listen", "0.0.0.0:0")
        #expect(!guarded.log.contains(text))
    }

    @Test("--require-auth refuses every way to leave an address open")
    func requireAuth() throws {
        let certificates = try Certificates(in: folder)
        let secure = certificates.flags + ["--tls-client-ca", certificates.certificate("ca")]
        func start(_ flags: [String], environment: [String: String] = [:]) throws -> Command {
            try Command(
                BuiltProgram.path, ["serve", "--database", folder.file("a.db")] + flags,
                environment: environment)
        }
        for flags in [
            [], ["--listen", "unix:\(folder.file("s"))"], certificates.flags,
            secure + ["--tls-client-auth", "optional"], secure + ["--listen", "127.0.0.1:0"],
        ] {
            let run = try start(["--require-auth"] + flags)
            #expect(run.status == 64, "\(flags)")
            #expect(run.errors.contains("--require-auth: anyone who reaches "), "\(run.errors)")
            #expect(run.errors.contains("--access-file"))
        }
        #expect(try start([], environment: ["LOGBOOK_REQUIRE_AUTH": "true"]).status == 64)
        #expect(try start(["--require-auth=true"]).status == 64)
        // A port that is taken: a start with sufficient access control gets that far.
        let port = ReservedPort()
        let taken = ["--listen", "127.0.0.1:\(port.number)"]
        #expect(try start(["--require-auth", "false"] + taken).status != 64)
        try file.add("a", "read")
        let enough = try LogbookProcess(in: folder, flags: file.flags + ["--require-auth"])
        #expect(try enough.exchange("GET", "/events").status == 401)
    }

    // MARK: The log

    @Test(
        "No token stands in the log, at no level, wherever it was sent",
        arguments: ["text", "json"])
    func secrets(_ format: String) throws {
        let token = try file.add("ci", "read")
        let server = try serve(
            "--log-level", "trace", "--log-format", format, "--slow-request", "0")
        let wrong = "s3cret-\(UUID().uuidString)"
        for secret in [token, wrong] {
            for headers in [
                AccessFile.bearer(secret), AccessFile.bearer("\(secret), \(secret)"),
                [("Authorization", secret)],
                [("Authorization", "Basic \(secret)")],
                AccessFile.bearer(secret) + AccessFile.bearer(secret),
                [("Cookie", secret)], [],
            ] {
                for (method, target) in [
                    ("GET", "/events?access_token=\(secret)"),
                    ("DELETE", "/events/x?token=\(secret)"),
                    ("POST", "/events"), ("GET", "/healthz?\(secret)"),
                ] {
                    let body = method == "POST" ? "{\"title\":\"\(secret)\"}" : nil
                    _ = try server.exchange(method, target, body, headers: headers)
                }
            }
        }
        try server.stop()
        #expect(server.log.contains("Access refused"))
        #expect(server.log.contains("insufficient_scope"))
        #expect(!server.log.contains(token.suffix(20)))
        #expect(!server.log.contains("s3cret"))
    }

    @Test("A refusal is a warning that says who, what and why, and a flood of them a few lines")
    func refusalLog() throws {
        let token = try file.add("ci", "read")
        let server = try serve()
        _ = try server.exchange("DELETE", "/events/some-id", headers: AccessFile.bearer(token))
        let line = try server.logLine(containing: "Access refused")
        #expect(
            line.contains(
                #/ warning Access refused client=127\.0\.0\.1:\d+ method=DELETE name=ci reason=insufficient_scope route="?/events/\{id\}"?$/#
            ),
            "\(line)")
        let client = try server.connect()
        for _ in 0..<2000 { _ = try client.exchange("GET", "/events") }
        try server.stop()
        let lines = server.log.split(separator: "\n").filter { $0.contains("Access refused") }
        #expect(lines.count < 1000)
    }
}
