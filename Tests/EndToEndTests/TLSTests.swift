import Foundation
import Testing

@Suite("TLS")
struct TLSTests {
    private let folder: TemporaryFolder
    private let certificates: Certificates
    /// Keeps servers running to the test's end, whatever of them it still names.
    private let running = Guarded<[LogbookProcess]>([])

    init() throws {
        folder = try TemporaryFolder()
        certificates = try Certificates(in: folder)
    }

    private func serve(_ flags: [String] = []) throws -> (server: LogbookProcess, port: String) {
        let server = try LogbookProcess(in: folder, flags: certificates.flags + flags)
        running.with { $0.append(server) }
        return (server, try port(of: server, after: "https://127.0.0.1:"))
    }

    private func port(of server: LogbookProcess, after prefix: String) throws -> String {
        let line = try server.logLine(containing: "Listening on \(prefix)")
        return String(line.split(separator: ":").last ?? "")
    }

    private func curl(_ port: String, _ arguments: [String], path: String = "/schema/version")
        throws
        -> Command
    {
        try Command(
            "curl",
            [
                "-sS", "--noproxy", "*", "--max-time", "\(Patience.seconds)", "--cacert",
                certificates.certificate("ca"),
            ] + arguments + ["https://localhost:\(port)\(path)"])
    }

    /// `openssl s_client`, which ends with its input, that is at once.
    private func client(_ port: String, _ arguments: [String]) throws -> Command {
        try Command("openssl", ["s_client", "-connect", "127.0.0.1:\(port)"] + arguments)
    }

    // MARK: Versions

    @Test("TLS 1.2 and 1.3 are spoken, with ALPN http/1.1", arguments: ["1.2", "1.3"])
    func versions(_ version: String) throws {
        let (server, port) = try serve()
        let answer = try curl(port, ["-v", "--tlsv\(version)", "--tls-max", version])
        #expect(answer.output == "{\"version\":2,\"latest\":2,\"status\":\"ready\"}\n")
        #expect(answer.errors.contains("SSL connection using TLSv\(version)"))
        #expect(answer.errors.contains("server accepted http/1.1"))
        try server.stop()
    }

    @Test("Older versions, and clients that speak h2 alone, are refused")
    func refusedVersions() throws {
        let (_, port) = try serve()
        #expect(try curl(port, ["--tls-max", "1.1"]).status == 35)
        #expect(try client(port, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]).status != 0)
        let h2 = try client(port, ["-alpn", "h2"])
        #expect(h2.errors.contains("no application protocol"))
        #expect(try curl(port, []).status == 0)
    }

    @Test("Sessions resume", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(_ version: String) throws {
        let (_, port) = try serve()
        let session = folder.file("session.pem")
        // With TLS 1.3 the ticket comes behind the handshake: a request waits for it.
        let request = folder.file("request")
        try "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".write(
            toFile: request, atomically: true, encoding: .utf8)
        func connect(_ option: String) throws -> String {
            try Command.output(
                "sh", "-c",
                "openssl s_client -connect 127.0.0.1:\(port) \(version) \(option) \(session) -ign_eof < \(request)"
            )
        }
        let first = try connect("-sess_out")
        #expect(first.contains("\nNew, "))
        #expect(first.contains("{\"status\":\"ok\"}"))
        let second = try connect("-sess_in")
        #expect(second.contains("\nReused, "))
        #expect(second.contains("{\"status\":\"ok\"}"))
    }

    // MARK: Data

    @Test("Large bodies go both ways, and many requests share a connection")
    func largeBodies() throws {
        let (_, port) = try serve()
        let events = (0..<2_000).map { number in
            NewEvent(id: "e\(number)", description: String(repeating: "d", count: 1_500))
        }
        let file = folder.file("events.json")
        try ("[" + events.map(\.json).joined(separator: ",") + "]").write(
            toFile: file, atomically: true, encoding: .utf8)
        let stored = try curl(port, ["--data-binary", "@\(file)"], path: "/events")
        #expect(stored.output.hasPrefix("{\"accepted\":2000,"))
        let page = try curl(port, [], path: "/events?limit=1000")
        let list = try JSONDecoder().decode(EventList.self, from: Data(page.output.utf8))
        #expect(list.events.count == 1_000)
        #expect(list.events.allSatisfy { $0.description?.utf8.count == 1_500 })
        let many = try curl(port, ["-w", "%{num_connects} "], path: "/events/e[0-99]")
        #expect(many.status == 0)
        #expect(many.output.components(separatedBy: "\"id\":").count == 101)
        #expect(many.output.components(separatedBy: "}\n0 ").count == 100, "one connection")
    }

    // MARK: Hostile clients

    @Test("Plain HTTP on the TLS port gets a 400 that says so")
    func plainHTTP() throws {
        let (_, port) = try serve()
        let client = try RawClient(port: try #require(UInt16(port)))
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 400)
        #expect(response.text.contains("This port speaks TLS"))
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("Handshakes cut short, garbage and a flood of them hold up nobody")
    func brokenHandshakes() throws {
        let (server, port) = try serve()
        let number = try #require(UInt16(port))
        // A ClientHello's beginning: a record of 512 bytes, of which few come.
        let beginning: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]
        let flood = try (0..<200).map { _ in
            let client = try RawClient(port: number)
            try client.send(beginning)
            return client
        }
        let garbage = try RawClient(port: number)
        try garbage.send([UInt8](repeating: 0x80, count: 600))
        awaitEnd(of: garbage)
        let cut = try RawClient(port: number)
        try cut.send(beginning)
        cut.finishSending()
        awaitEnd(of: cut)
        #expect(try curl(port, []).status == 0)
        try server.stop()
        withExtendedLifetime(flood) {}
    }

    /// An end or a reset: which one comes depends on what the server has left unread.
    private func awaitEnd(of client: RawClient) {
        do { _ = try client.readToEnd() } catch { #expect("\(error)".contains("reset by peer")) }
    }

    @Test("A handshake has the header's time")
    func slowHandshake() throws {
        let (_, port) = try serve(["--header-timeout", "0.2"])
        let client = try RawClient(port: try #require(UInt16(port)))
        try client.send([0x16, 0x03, 0x01])
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("Renegotiation is refused")
    func renegotiation() throws {
        let (_, port) = try serve()
        // A line "R" has s_client ask for it; its input must not end before the answer comes.
        let fifo = folder.file("fifo")
        let script = """
            mkfifo \(fifo) && exec 3<>\(fifo) && echo R >&3 &&
            openssl s_client -connect 127.0.0.1:\(port) -tls1_2 <\(fifo)
            """
        let command = try Command("sh", ["-c", script])
        #expect(command.errors.contains("no renegotiation"), "\(command.errors)")
        #expect(try curl(port, []).status == 0)
    }

    // MARK: Clients' certificates

    @Test("A required client certificate is required, and must be of the right authority")
    func requiredClientCertificate() throws {
        try certificates.make("client", signedBy: "ca")
        try certificates.makeAuthority("foreign")
        try certificates.make("stranger", signedBy: "foreign")
        let (_, port) = try serve(["--tls-client-ca", certificates.certificate("ca")])
        func identity(_ name: String) -> [String] {
            ["--cert", certificates.certificate(name), "--key", certificates.key(name)]
        }
        #expect(try curl(port, identity("client")).status == 0)
        #expect(try curl(port, []).status != 0)
        #expect(try curl(port, identity("stranger")).status != 0)
    }

    @Test("An optional client certificate may be left out, but not be wrong")
    func optionalClientCertificate() throws {
        try certificates.makeAuthority("foreign")
        try certificates.make("stranger", signedBy: "foreign")
        let (_, port) = try serve([
            "--tls-client-ca", certificates.certificate("ca"), "--tls-client-auth", "optional",
        ])
        #expect(try curl(port, []).status == 0)
        let stranger = [
            "--cert", certificates.certificate("stranger"), "--key", certificates.key("stranger"),
        ]
        #expect(try curl(port, stranger).status != 0)
    }

    // MARK: Reloading

    private func subject(_ port: String) throws -> String {
        let output = try client(port, []).output
        return output.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init)
            ?? output
    }

    @Test("SIGHUP loads the certificate anew, and a bad one keeps the old")
    func reloadOnSignal() throws {
        let (server, port) = try serve(["--tls-reload-interval", "86400"])
        #expect(try subject(port) == "subject=CN = server")
        let idle = try server.connect()
        #expect(try idle.exchange("GET", "/healthz").status == 200)

        try "no certificate".write(
            toFile: certificates.certificate("server"), atomically: true, encoding: .utf8)
        server.hangUp()
        try server.logLine(containing: "The TLS certificate stays the old one")
        #expect(try subject(port) == "subject=CN = server")

        try certificates.make("new", signedBy: "ca")
        try replace("server", by: "new")
        server.hangUp()
        try server.logLine(containing: "TLS certificate reloaded")
        #expect(try subject(port) == "subject=CN = new")
        #expect(try idle.exchange("GET", "/healthz").status == 200, "nothing was dropped")
    }

    private func replace(_ old: String, by new: String) throws {
        for (from, to) in [
            (certificates.key(new), certificates.key(old)),
            (certificates.certificate(new), certificates.certificate(old)),
        ] {
            try Data(contentsOf: URL(fileURLWithPath: from)).write(
                to: URL(fileURLWithPath: to), options: .atomic)
        }
    }

    @Test("A swapped link, as a Secret volume has it, is noticed without a signal")
    func reloadOnChange() throws {
        try certificates.make("new", signedBy: "ca")
        let link = folder.file("current")
        for (version, name) in [("v1", "server"), ("v2", "new")] {
            let directory = folder.file(version)
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: false)
            for (file, source) in [
                ("tls.crt", certificates.certificate(name)), ("tls.key", certificates.key(name)),
            ] {
                try FileManager.default.copyItem(atPath: source, toPath: "\(directory)/\(file)")
            }
        }
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "v1")
        let server = try LogbookProcess(
            in: folder,
            flags: [
                "--listen", "https://127.0.0.1:0", "--tls-certificate", "\(link)/tls.crt",
                "--tls-key", "\(link)/tls.key", "--tls-reload-interval", "0.05",
            ])
        let port = try port(of: server, after: "https://127.0.0.1:")
        #expect(try subject(port) == "subject=CN = server")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("next"), withDestinationPath: "v2")
        #expect(rename(folder.file("next"), link) == 0)
        try server.logLine(containing: "TLS certificate reloaded")
        #expect(try subject(port) == "subject=CN = new")
    }

    // MARK: Configuration

    @Test("The probes' own address serves the probes, in plain HTTP, and nothing else")
    func probeAddress() throws {
        let server = try LogbookProcess(flags: ["--probe-listen", "127.0.0.1:0"])
        // The second of two lines: the first is of the main address.
        let lines = server.log.split(separator: "\n").filter { $0.contains("Listening on") }
        let port = try #require(lines.last?.split(separator: ":").last.flatMap { UInt16($0) })
        #expect(port != server.port)
        func status(_ path: String) throws -> Int {
            try RawClient(port: port).exchange("GET", path).status
        }
        for path in ["/schema/version", "/healthz", "/readyz"] {
            #expect(try status(path) == 200)
        }
        for path in ["/", "/events", "/events/e", "/schema"] { #expect(try status(path) == 404) }
    }

    @Test("A certificate that is missing, or is not asked for, is said at the start")
    func configurationErrors() throws {
        func start(_ flags: [String]) throws -> Command {
            try Command(
                BuiltProgram.path, ["serve", "--database", folder.file("none.db")] + flags)
        }
        let secure = ["--listen", "https://127.0.0.1:0"]
        let pair = ["--tls-certificate", folder.file("none"), "--tls-key", folder.file("none")]
        let missing = try start(secure + pair)
        #expect(missing.status == 1)
        #expect(missing.errors.contains("cannot use the certificate"))
        #expect(try start(secure).status == 64)
        #expect(try start(pair).status == 64)
        let mismatch = [
            "--tls-certificate", certificates.certificate("server"), "--tls-key",
            certificates.key("ca"),
        ]
        #expect(try start(secure + mismatch).errors.contains("cannot use the key"))
    }
}
