import Foundation
import Testing

/// Tokens and client certificates, with the built program.
@Suite("Access control")
struct AccessTests {
    private let folder: TemporaryFolder
    private let file: AccessFile

    init() throws {
        folder = try TemporaryFolder()
        file = AccessFile(in: folder)
    }

    private static func bearer(_ token: String) -> [(String, String)] {
        [("Authorization", "Bearer \(token)")]
    }

    private func serve(_ flags: String..., environment: [String: String] = [:]) throws
        -> LogbookProcess
    {
        try LogbookProcess(in: folder, flags: file.flags + flags, environment: environment)
    }

    private func code(_ server: LogbookProcess, _ token: String, _ target: String = "/events")
        throws -> Int
    {
        try server.exchange("GET", target, headers: Self.bearer(token)).status
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
                let found = try status(Self.bearer(token))
                // What admin deletes is gone.
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
        let wrong = try server.exchange("GET", "/events", headers: Self.bearer(token + "x"))
        #expect(try wrong.problem(401).detail.contains("not known here"))
        #expect(
            wrong.header("WWW-Authenticate") == "Bearer realm=\"logbook\", error=\"invalid_token\"")
        let weak = try server.exchange("POST", "/events", "{}", headers: Self.bearer(token))
        #expect(try weak.problem(403).detail == "This needs the scope write, and 'ci' has read.")
        #expect(
            weak.header("WWW-Authenticate")
                == "Bearer realm=\"logbook\", error=\"insufficient_scope\", scope=\"write\"")
        for answer in [none, wrong, weak] { #expect(answer.header("Cache-Control") == "no-store") }
        // In a query a token would stand in logs and histories: there it is none.
        #expect(try server.exchange("GET", "/events?access_token=\(token)").status == 401)
        let both = try server.exchange(
            "GET", "/events?access_token=\(token)", headers: Self.bearer(token))
        #expect(both.status == 400)
    }

    @Test("The probes' own address asks nobody")
    func probeAddress() throws {
        try file.add("ci", "read")
        let server = try serve("--probe-listen", "unix:\(folder.file("probes"))")
        #expect(try server.exchange("GET", "/metrics").status == 401)
        let metrics = try Command.output(
            "curl", "-sS", "--unix-socket", folder.file("probes"), "http://localhost/metrics")
        #expect(metrics.contains("logbook_auth_failures_total{reason=\"no_token\"} 1\n"))
        #expect(metrics.contains("logbook_auth_failures_total{reason=\"invalid_token\"} 0\n"))
    }

    // MARK: Commands

    @Test("Every command that asks a server shows its token")
    func commands() throws {
        try file.add("boss", "admin")
        try file.add("reader", "read")
        let server = try serve()
        let event = ["--type", "a", "--severity", "info", "--title", "t", "--id", "x"]
        try NewEvent(id: "y").json.write(
            toFile: folder.file("y.ndjson"), atomically: true, encoding: .utf8)
        for command in [
            ["events", "add"] + event, ["events", "list"], ["events", "get", "x"],
            ["events", "stats"], ["events", "export"],
            ["events", "import", folder.file("y.ndjson")],
            ["events", "tail", "--after", "0", "--count", "1"], ["schema", "show"],
            ["backup", "--output", folder.file("copy.db")], ["events", "delete", "x", "--yes"],
        ] {
            let arguments = command + ["--server", server.url]
            let without = try Command(BuiltProgram.path, arguments)
            #expect(without.status == 1, "\(command)")
            #expect(without.errors.contains("401"), "\(command): \(without.errors)")
            #expect(without.errors.contains("--token-file"), "\(command)")
            let run = try Command(
                BuiltProgram.path, arguments,
                environment: ["LOGBOOK_TOKEN_FILE": file.tokenFile("boss")])
            #expect(run.status == 0, "\(command): \(run.errors)")
        }
        let weak = try Command(
            BuiltProgram.path,
            [
                "events", "delete", "y", "--yes", "--server", server.url, "--token-file",
                file.tokenFile("reader"),
            ])
        #expect(weak.status == 1)
        #expect(
            weak.errors.contains("needs the scope admin, and 'reader' has read"), "\(weak.errors)")
        #expect(try LogbookCommand.run("healthcheck", "--server", server.url).status == 0)
        #expect(try LogbookCommand.run("schema", "version", "--server", server.url).status == 0)
    }

    @Test("The import of Kubernetes' events shows a token, too")
    func kubernetesImport() throws {
        try file.add("shipper", "write")
        let server = try serve()
        let script = BuiltProgram.repository.appendingPathComponent(
            "scripts/import-kubernetes-events"
        ).path
        let data = BuiltProgram.repository.appendingPathComponent(
            "Tests/Data/kubernetes-events.ndjson"
        ).path
        let without = try Command(script, ["--server", server.url, "--limit", "3", data])
        #expect(without.status == 2)
        #expect(without.errors.contains("401"))
        let arguments = ["--server", server.url, "--limit", "3", data]
        let byFile = try Command(script, ["--token-file", file.tokenFile("shipper")] + arguments)
        #expect(byFile.output == "accepted 3, duplicates 0, rejected 0\n", "\(byFile.errors)")
        let token = try String(contentsOfFile: file.tokenFile("shipper"), encoding: .utf8)
        let byVariable = try Command(script, arguments, environment: ["LOGBOOK_TOKEN": token])
        #expect(
            byVariable.output == "accepted 0, duplicates 3, rejected 0\n", "\(byVariable.errors)")
    }

    @Test("A token is made once, and its hash alone is kept, where nobody else reads it")
    func create() throws {
        let output = try LogbookCommand.output(
            "token", "create", "--name", "ci", "--scope", "write,read")
        let match = try #require(
            output.wholeMatch(of: #/(logbook_[0-9a-f]{64})\nci read,write sha256:([0-9a-f]{64})\n/#)
        )
        let sum = try Command.output("sh", "-c", "printf %s \(match.1) | sha256sum")
        #expect(sum.hasPrefix(match.2))
        let first = try file.add("a.b_c-9", "admin")
        #expect(first.wholeMatch(of: /logbook_[0-9a-f]{64}/) != nil)
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        // A last line without its end is not run into.
        try file.replace(
            by: [try file.text() + "# by hand"].map { $0.trimmingCharacters(in: .newlines) })
        try String(try file.text().dropLast()).write(
            toFile: file.path, atomically: true, encoding: .utf8)
        let second = try file.add("second", "read")
        #expect(second != first)
        let lines = try file.text().split(separator: "\n")
        #expect(
            lines.count == 3 && lines[1] == "# by hand" && lines[2].hasPrefix("second read sha256:")
        )
        #expect(try !file.text().contains(first))
        let server = try serve()
        #expect(try [first, second].map { try code(server, $0) } == [200, 200])
    }

    @Test(
        "A name, a scope or a file that cannot be is refused, and the file left as it was",
        arguments: [
            ["--name", "a b", "--scope", "read"], ["--name", "", "--scope", "read"],
            ["--name", "a\nb", "--scope", "read"],
            ["--name", "a", "--scope", "all"], ["--name", "a", "--scope", ""], ["--name", "a"],
            ["--scope", "read"],
        ])
    func wrongUsage(_ arguments: [String]) throws {
        let run = try Command(
            BuiltProgram.path, ["token", "create", "--file", file.path] + arguments)
        #expect(run.status == 64)
        #expect(run.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: file.path))
    }

    @Test("No line goes into a file that is no access file")
    func foreignFile() throws {
        try "key: value\n".write(toFile: file.path, atomically: true, encoding: .utf8)
        for path in [file.path, folder.path, folder.file("none/access")] {
            let run = try LogbookCommand.run(
                "token", "create", "--name", "a", "--scope", "read", "--file", path)
            #expect(run.status == 1)
            #expect(run.output.isEmpty)
            #expect(run.errors.hasPrefix(path), "\(run.errors)")
        }
        #expect(try file.text() == "key: value\n")
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
            containing: "Access stays as it was: the access file \(file.path)")
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
                    try client.exchange("GET", "/events?limit=1", headers: Self.bearer(token))
                        .status == 200)
            }
        }
        isOver.with { $0 = true }
        _ = replacing.wait { $0 ? true : nil }
        #expect(!server.log.contains("stays as it was"))
    }

    @Test("A live stream, and who follows it, end with their token")
    func streams() throws {
        let token = try file.add("gone", "read")
        try file.add("stays", "read")
        let server = try serve("--reload-interval", "86400", "--stream-heartbeat", "3600")
        let stream = try server.connect()
        try stream.send(RawClient.request("GET", "/events/stream", headers: Self.bearer(token)))
        try stream.readSome()
        let tails = try ["gone", "stays"].map { name in
            try ChildProcess(
                BuiltProgram.path,
                [
                    "events", "tail", "--server", server.url, "--format", "json", "--after", "0",
                    "--token-file", file.tokenFile(name),
                ])
        }
        let writer = try file.add("writer", "write")
        server.hangUp()
        try server.logLine(containing: "3 tokens")
        func store(_ id: String) throws {
            #expect(
                try server.exchange(
                    "POST", "/events", NewEvent(id: id).json, headers: Self.bearer(writer)
                ).status == 201)
        }
        try store("one")
        for tail in tails { _ = try tail.standardOutput.line(containing: "\"id\":\"one\"") }
        try file.remove("gone")
        server.hangUp()
        stream.readToAnyEnd()
        #expect(try tails[0].waitForExit() == 1)
        #expect(try tails[0].standardError.wholeText().contains("401"))
        try store("two")
        _ = try tails[1].standardOutput.line(containing: "\"id\":\"two\"")
        #expect(!tails[0].standardOutput.text.contains("two"))
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

    @Test("A file that anybody may change is warned of")
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
        #expect(lines.first?.contains(" warning Whoever reaches 0.0.0.0:0 can ") == true)
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
            #expect(run.errors.contains("--require-auth: whoever reaches "), "\(run.errors)")
            #expect(run.errors.contains("--access-file"))
        }
        #expect(try start([], environment: ["LOGBOOK_REQUIRE_AUTH": "true"]).status == 64)
        #expect(try start(["--require-auth=true"]).status == 64)
        // A port that cannot be had: with what is enough, the start gets so far.
        let port = try ReservedPort()
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
                Self.bearer(secret), Self.bearer("\(secret), \(secret)"),
                [("Authorization", secret)],
                [("Authorization", "Basic \(secret)")], Self.bearer(secret) + Self.bearer(secret),
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
        _ = try server.exchange("DELETE", "/events/some-id", headers: Self.bearer(token))
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

    // MARK: Client certificates

    private func certificates() throws -> Certificates {
        let certificates = try Certificates(in: folder)
        try certificates.make("shipper", signedBy: "ca")
        try certificates.make("stranger", signedBy: "ca")
        try certificates.make(
            "workload", signedBy: "ca", names: "URI:spiffe://cluster/ns/a,DNS:a.svc")
        try certificates.makeAuthority("foreign")
        try certificates.make("forged", signedBy: "foreign", subject: "shipper")
        try file.replace(by: [
            "shipper write certificate:shipper", "mesh read certificate:spiffe://cluster/ns/a",
            "service write certificate:a.svc", "# nobody certificate:stranger",
        ])
        return certificates
    }

    private func status(
        _ service: SecureService, _ identity: [String], _ method: String,
        _ target: String = "/events"
    ) throws -> String {
        let body = method == "POST" ? ["-d", NewEvent(id: "a").json] : []
        return try service.curl(
            identity + body + ["-X", method, "-o", "/dev/null", "-w", "%{http_code}"], path: target
        ).output
    }

    @Test(
        "A certificate may do what the file says of its names", arguments: ["required", "optional"])
    func certificates(_ authentication: String) throws {
        let certificates = try certificates()
        let token = try file.add("reader", "read")
        let service = try SecureService(
            certificates,
            flags: file.flags + [
                "--tls-client-ca", certificates.certificate("ca"), "--tls-client-auth",
                authentication,
            ])
        func status(_ name: String, _ method: String) throws -> String {
            try self.status(service, service.identity(name), method)
        }
        #expect(try status("shipper", "POST") == "201")
        #expect(try status("shipper", "GET") == "403")
        #expect(try status("workload", "GET") == "200")
        #expect(try status("workload", "POST") == "200")
        #expect(try status("workload", "DELETE") == "403")
        #expect(try status("stranger", "GET") == "401")
        // One that another authority has signed does not get so far.
        #expect(try status("forged", "POST") == "000")
        #expect(try self.status(service, service.identity("stranger"), "GET", "/healthz") == "200")
        // A token that is sent decides alone.
        for (value, code) in [(token, "200"), ("wrong", "401")] {
            let header = ["-H", "Authorization: Bearer \(value)"]
            #expect(try self.status(service, service.identity("shipper") + header, "GET") == code)
            if authentication == "optional" {
                #expect(try self.status(service, header, "GET") == code)
                #expect(try self.status(service, [], "GET") == "401")
            }
        }
        // Without a line it is over, on the connection that there is, too.
        #expect(
            try service.server.exchange("GET", "/events", headers: Self.bearer(token)).status == 200
        )
        try file.replace(by: ["shipper read certificate:shipper"])
        service.server.hangUp()
        try service.server.logLine(containing: "0 tokens, 1 certificates")
        #expect(try status("shipper", "POST") == "403")
        #expect(try status("shipper", "GET") == "200")
        #expect(try status("workload", "GET") == "401")
    }

    @Test(
        "A session that is resumed without the certificate is still its client's",
        arguments: ["-tls1_2", "-tls1_3"])
    func resumption(_ version: String) throws {
        let certificates = try certificates()
        let service = try SecureService(
            certificates, flags: file.flags + ["--tls-client-ca", certificates.certificate("ca")])
        let identity =
            "-cert \(certificates.certificate("workload")) -key \(certificates.key("workload"))"
        let session = folder.file("session.pem")
        for (arguments, kind) in [
            ("\(identity) -sess_out \(session)", "New"), ("-sess_in \(session)", "Reused"),
        ] {
            let answer = try service.request("\(version) \(arguments)", target: "/events")
            #expect(answer.contains("\n\(kind), "))
            #expect(answer.contains("{\"events\":[]"), "\(answer)")
        }
    }
}
