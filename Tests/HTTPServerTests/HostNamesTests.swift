import Access
import Testing

@testable import HTTPServer

@Suite("Names that the server answers to")
struct HostNamesTests {
    private static func contain(_ host: String, _ names: [String] = []) throws -> Bool {
        let names = try #require(HostNames(names))
        return Array(host.utf8).withUnsafeBytes { names.contain($0) }
    }

    @Test(
        "Addresses and names below localhost are taken",
        arguments: [
            "127.0.0.1", "127.0.0.1:8080", "10.1.2.3:80", "192.168.0.1.", "127.1", "2130706433",
            "[::1]", "[::1]:8080", "[fe80::1]", "[::ffff:10.0.0.1]:1", "localhost",
            "localhost:8080", "LOCALHOST:8080", "localhost.", "localhost.:80", "a.localhost:80",
        ])
    func always(_ host: String) throws {
        #expect(try Self.contain(host))
    }

    @Test(
        "All other names are not",
        arguments: [
            "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
            "evillocalhost", "1.2.3.4.5", "logbook", "x", ".", "..", "%6cocalhost", "logbook.",
            "127.0.0.1.nip.io", "0x7f.evil", "a.localhost..",
        ])
    func others(_ host: String) throws {
        #expect(try !Self.contain(host))
    }

    @Test("Those given are, in any case, with a port or a last dot; below them by a leading dot")
    func given() throws {
        let names = ["Logs.Example.com", ".svc.example."]
        for host in [
            "logs.example.com", "LOGS.example.COM:1", "logs.example.com.", "svc.example",
            "a.svc.example:80", "a.b.SVC.example.",
        ] {
            #expect(try Self.contain(host, names), "\(host)")
        }
        for host in ["a.logs.example.com", "xlogs.example.com", "xsvc.example", "example.com"] {
            #expect(try !Self.contain(host, names), "\(host)")
        }
    }

    @Test(
        "An invalid name is not taken for one",
        arguments: ["", ".", "a b", "a:80", "[::1]", "http://a", "*.a b", "a,b"])
    func invalid(_ name: String) {
        #expect(HostNames([name]) == nil)
    }

    /// The answers' codes to `GET` of a route with a scope and of one without.
    private static func codes(_ server: TestServer, _ head: String) throws -> [Int] {
        try ["/guarded", "/open"].map { path in
            let client = try server.connect()
            client.send(head.replacing("PATH", with: path) + "\r\n")
            return try client.readAnswer().code
        }
    }

    private static let routes = [
        TestServer.route(.get, "/guarded", scope: .read) { _, _ in },
        TestServer.route(.get, "/open") { _, _ in },
    ]

    @Test("Without access control, routes with a scope ask for the name; others answer to any")
    func served() throws {
        try TestServer.run(routes: Self.routes, hosts: HostNames([".svc"])) { server in
            for (head, code) in [
                ("GET PATH HTTP/1.1\r\nHost: evil.example\r\n", 421),
                ("GET PATH HTTP/1.1\r\nHost: a.svc:80\r\n", 200),
                ("GET PATH HTTP/1.1\r\nHost: 10.0.0.1\r\n", 200),
                // No browser sends these.
                ("GET PATH HTTP/1.0\r\n", 200),
                ("GET http://evil.examplePATH HTTP/1.0\r\n", 421),
                ("GET http://evil.examplePATH HTTP/1.1\r\nHost: evil.example\r\n", 421),
            ] {
                let codes = try Self.codes(server, head)
                #expect(codes == [code, 200], "\(head)")
            }
        }
    }

    @Test("With no names given to it, a server answers to any")
    func unasked() throws {
        try TestServer.run(routes: Self.routes) { server in
            let codes = try Self.codes(server, "GET PATH HTTP/1.1\r\nHost: evil.example\r\n")
            #expect(codes == [200, 200])
        }
    }

    @Test("With access control the token is asked for, and not the name")
    func guarded() throws {
        let file = try AccessFile([])
        try TestServer.run(
            routes: Self.routes, access: file.control, hosts: HostNames([])
        ) { server in
            let codes = try Self.codes(server, "GET PATH HTTP/1.1\r\nHost: evil.example\r\n")
            #expect(codes == [401, 200])
        }
    }

    @Test("With TLS a browser has held the name against the certificate")
    func secure() throws {
        try TestServer.run(routes: Self.routes, isSecure: true, hosts: HostNames([])) { server in
            let client = try server.connect(over: .tls13)
            client.send("GET /guarded HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            #expect(try client.readAnswer().code == 200)
        }
    }
}
