import Foundation
import TestSupport
import Testing

/// The clients that the TLS port serves and refuses, with real programs.
@Suite("TLS")
struct TLSTests {
    private let folder: TemporaryFolder
    private let certificates: Certificates
    private let service: SecureService
    private var port: UInt16 { get throws { try #require(UInt16(service.port)) } }

    init() throws {
        folder = try TemporaryFolder()
        certificates = try Certificates(in: folder)
        service = try SecureService(certificates)
    }

    // MARK: Versions

    @Test("TLS 1.2 and 1.3 are spoken, with ALPN http/1.1", arguments: ["1.2", "1.3"])
    func versions(_ version: String) throws {
        let answer = try service.curl(["-v", "--tlsv\(version)", "--tls-max", version])
        #expect(answer.output == "{\"version\":2,\"latest\":2,\"status\":\"ready\"}\n")
        #expect(answer.errors.contains("SSL connection using TLSv\(version)"))
        #expect(answer.errors.contains("server accepted http/1.1"))
        try service.server.stop()
    }

    @Test(
        "What is too old is refused, and logged with the client's address",
        arguments: [
            ("-tls1 -cipher ALL:@SECLEVEL=0", "alert protocol version", "unsupported protocol"),
            ("-tls1_1 -cipher ALL:@SECLEVEL=0", "alert protocol version", "unsupported protocol"),
            (
                "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "alert handshake failure",
                "no shared cipher"
            ),
            ("-tls1_3 -groups ffdhe8192", "alert handshake failure", "no suitable key share"),
            ("-alpn h2", "no application protocol", "no application protocol"),
        ])
    func refused(_ flags: String, _ alert: String, _ reason: String) throws {
        let refused = try service.client(flags.split(separator: " ").map(String.init))
        #expect(refused.status != 0)
        #expect(refused.errors.contains(alert), "\(refused.errors)")
        let line = try service.server.logLine(containing: reason)
        #expect(line.contains(" info TLS with 127.0.0.1:"), "\(line)")
        #expect(try service.curl([]).status == 0)
    }

    @Test("h2 beside http/1.1 is passed over")
    func protocols() throws {
        #expect(try service.client(["-alpn", "h2,http/1.1"]).output.contains("protocol: http/1.1"))
        #expect(try service.client([]).output.contains("No ALPN negotiated"))
    }

    @Test("Sessions resume", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(_ version: String) throws {
        // With TLS 1.3 the ticket comes after the handshake, so this waits with a request.
        let session = folder.file("session.pem")
        let first = try service.request("\(version) -sess_out \(session)")
        #expect(first.contains("\nNew, "))
        #expect(first.contains("{\"status\":\"ok\"}"))
        let second = try service.request("\(version) -sess_in \(session)")
        #expect(second.contains("\nReused, "))
        #expect(second.contains("{\"status\":\"ok\"}"))
    }

    // MARK: Data

    @Test("Large bodies go both ways, and many requests share a connection")
    func largeBodies() throws {
        let events = (0..<2_000).map { number in
            NewEvent(id: "e\(number)", description: String(repeating: "d", count: 1_500))
        }
        let file = folder.file("events.json")
        try ("[" + events.map(\.json).joined(separator: ",") + "]").write(
            toFile: file, atomically: true, encoding: .utf8)
        let stored = try service.curl(["--data-binary", "@\(file)"], path: "/events")
        #expect(stored.output.hasPrefix("{\"accepted\":2000,"))
        let page = try service.curl([], path: "/events?limit=1000")
        let list = try JSONDecoder().decode(EventList.self, from: Data(page.output.utf8))
        #expect(list.events.count == 1_000)
        #expect(list.events.allSatisfy { $0.description?.utf8.count == 1_500 })
        let many = try service.curl(["-w", "%{num_connects} "], path: "/events/e[0-99]")
        #expect(many.status == 0)
        #expect(many.output.components(separatedBy: "\"id\":").count == 101)
        #expect(many.output.components(separatedBy: "}\n0 ").count == 100, "one connection")
    }

    // MARK: Hostile clients

    @Test("Plain HTTP on the TLS port gets a 400 that says so", arguments: ["GET", "DELETE"])
    func plainHTTP(_ method: String) throws {
        let url = "http://127.0.0.1:\(service.port)/events/e"
        let answer = try Command("curl", ["-s", "--noproxy", "*", "-i", "-X", method, url])
        #expect(answer.output.hasPrefix("HTTP/1.1 400 "))
        #expect(answer.output.contains("This port speaks TLS"))
    }

    @Test("TLS on the plain port is refused, and affects nobody")
    func helloOnPlainPort() throws {
        let url = "https://127.0.0.1:\(service.server.port)/healthz"
        #expect(try Command("curl", ["-sSk", "--noproxy", "*", url]).status == 35)
        #expect(try service.server.exchange("GET", "/healthz").status == 200)
    }

    @Test("Handshakes cut short, garbage and a flood of them hold up nobody")
    func brokenHandshakes() throws {
        // The start of a ClientHello: a record of 512 bytes, of which only a few arrive.
        let beginning: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]
        let flood = try (0..<200).map { _ in
            let client = try RawClient(port: port)
            try client.send(beginning)
            return client
        }
        let garbage = try RawClient(port: port)
        try garbage.send([UInt8](repeating: 0x80, count: 600))
        awaitEnd(of: garbage)
        let cut = try RawClient(port: port)
        try cut.send(beginning)
        cut.finishSending()
        awaitEnd(of: cut)
        #expect(try service.curl([]).status == 0)
        try service.server.stop()
        withExtendedLifetime(flood) {}
    }

    /// Waits for an end or a reset, depending on what the server has left unread.
    private func awaitEnd(of client: RawClient) {
        do { _ = try client.readToEnd() } catch { #expect("\(error)".contains("reset by peer")) }
    }

    @Test("A handshake has the header's time")
    func slowHandshake() throws {
        let service = try SecureService(
            Certificates(in: TemporaryFolder()), flags: ["--header-timeout", "0.2"])
        let client = try RawClient(port: try #require(UInt16(service.port)))
        try client.send([0x16, 0x03, 0x01])
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("Renegotiation is refused")
    func renegotiation() throws {
        // A line "R" makes s_client request it. Its input must not end before the answer arrives.
        let fifo = folder.file("fifo")
        let script = """
            mkfifo \(fifo) && exec 3<>\(fifo) && echo R >&3 &&
            openssl s_client -connect 127.0.0.1:\(service.port) -tls1_2 <\(fifo)
            """
        let command = try Command("sh", ["-c", script])
        #expect(command.errors.contains("no renegotiation"), "\(command.errors)")
        #expect(try service.curl([]).status == 0)
    }

    // MARK: The probes

    @Test("The probes' own address serves the probes, in plain HTTP, and nothing else")
    func probeAddress() throws {
        let server = try LogbookProcess(
            in: folder, database: "other.db",
            flags: certificates.flags + ["--probe-listen", "127.0.0.1:0"])
        // The last of three lines; the first two are for the main addresses.
        let lines = server.log.split(separator: "\n").filter { $0.contains("Listening on") }
        #expect(lines.count == 3)
        let port = try #require(lines.last?.split(separator: ":").last.flatMap { UInt16($0) })
        #expect(port != server.port)
        func status(_ path: String, _ method: String = "GET") throws -> Int {
            try RawClient(port: port).exchange(method, path).status
        }
        for path in ["/schema/version", "/healthz", "/readyz", "/metrics"] {
            #expect(try status(path) == 200)
        }
        for path in ["/", "/events", "/events/e", "/schema", "/schema/migrations"] {
            #expect(try status(path) == 404)
            #expect(try status(path, "DELETE") == 404)
        }
        #expect(try RawClient(port: port).exchange("POST", "/events", "{}").status == 404)
    }
}
