import Access
import Foundation
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Access control")
struct AccessTests {
    private static let tokens: [(name: String, scopes: Scopes)] = [
        ("reader", .read), ("writer", .write), ("both", [.read, .write]), ("boss", .admin),
    ]

    /// A route for each scope, one for anyone, and two that last as long as the test wants.
    private static let routes = [
        TestServer.route(.get, "/read", scope: .read) { _, response in response.body = [65] },
        TestServer.route(.post, "/write", scope: .write, bodyLimit: 1 << 20) { request, response in
            response.body = Array("\(request.body.count)".utf8)
        },
        TestServer.route(.delete, "/admin", scope: .admin) { _, response in response.body = [65] },
        TestServer.route(.get, "/stream", scope: .read) { _, response in
            response.source = { $0.send([65]) }
        },
        TestServer.route(
            .post, "/upload", scope: .write, bodyLimit: 1, takesPieces: { _ in true },
            upload),
    ]

    /// Answers when the body has ended.
    private static let upload: Route.Handler = { request, _ in
        let pending = Mutex<PendingResponse?>(nil)
        let response = request.receiveBody { part in
            let answer = pending.withLock { $0 }
            switch part {
            case .piece: break
            case .end: answer?.complete { $0.body = [65] }
            case .cut(let error): answer?.complete { $0.status = error.status }
            }
            return .ready
        }
        pending.withLock { $0 = response }
    }

    private static func run(
        loops: Int = 2, maxConnections: Int = 4096, _ file: AccessFile,
        _ body: (TestServer) throws -> Void
    ) throws {
        try TestServer.run(
            loops: loops, routes: routes, maxConnections: maxConnections, access: file.control, body
        )
    }

    private static func request(_ line: String, _ fields: String...) -> String {
        (["\(line) HTTP/1.1", "Host: a"] + fields + ["", ""]).joined(separator: "\r\n")
    }

    private static func bearer(_ token: String) -> String { "Authorization: Bearer \(token)" }

    // MARK: Who may do what

    @Test("Each token may do what its scopes say, and admin everything")
    func scopes() throws {
        let file = try AccessFile(Self.tokens)
        try Self.run(file) { server in
            let client = try server.connect()
            for (line, scope) in [
                ("GET /read", Scopes.read), ("HEAD /read", .read), ("POST /write", .write),
                ("DELETE /admin", .admin),
            ] {
                for (token, scopes) in Self.tokens {
                    client.send(Self.request(line, Self.bearer(token)))
                    let answer = try client.readAnswer(answersHead: line.hasPrefix("HEAD"))
                    #expect(answer.code == (scopes.contains(scope) ? 200 : 403), "\(line) \(token)")
                    #expect(
                        answer.field("www-authenticate")
                            == (answer.code == 200
                                ? nil
                                : "Bearer realm=\"test\", error=\"insufficient_scope\", scope=\"\(scope)\"")
                    )
                }
                client.send(Self.request(line))
                let answer = try client.readAnswer(answersHead: line.hasPrefix("HEAD"))
                #expect(answer.code == 401)
                #expect(answer.field("www-authenticate") == "Bearer realm=\"test\"")
            }
            #expect(file.control.refusals["no_token"] == 4)
            #expect(file.control.refusals["insufficient_scope"] == 6)
            #expect(file.control.refusals["invalid_token"] == 0)
        }
    }

    @Test(
        "Open routes, paths that there are not, and OPTIONS ask for nothing",
        arguments: [
            ("GET /", 200), ("GET /none", 404), ("PUT /read", 405), ("OPTIONS /read", 204),
            ("OPTIONS *", 204), ("BREW /read", 405),
        ])
    func open(_ line: String, _ code: Int) throws {
        try Self.run(try AccessFile(Self.tokens)) { server in
            let client = try server.connect()
            client.send(Self.request(line) + Self.request(line, Self.bearer("wrong")))
            #expect(try client.readAnswer().code == code)
            #expect(try client.readAnswer().code == code)
        }
    }

    @Test(
        "A malformed or unknown token",
        arguments: [
            ([], 401, nil), ([bearer("boss")], 200, nil),
            (["authorization: bEARER   boss \t"], 200, nil),
            ([bearer("wrong")], 401, "invalid_token"), ([bearer("bos")], 401, "invalid_token"),
            ([bearer("bosss")], 401, "invalid_token"), ([bearer("Boss")], 401, "invalid_token"),
            ([bearer("boss, Bearer boss")], 401, "invalid_token"),
            ([bearer("boss boss")], 401, "invalid_token"),
            ([bearer(String(repeating: "x", count: 8192))], 401, "invalid_token"),
            ([bearer("")], 401, "invalid_token"), (["Authorization: Bearerboss"], 401, nil),
            (["Authorization: Bearer\tboss"], 401, nil), (["Authorization: boss"], 401, nil),
            (["Authorization:"], 401, nil),
            // any:boss, boss, any:wrong, any:, any:b:o
            (["Authorization: Basic YW55OmJvc3M="], 200, nil),
            (["authorization: bASIC   YW55OmJvc3M= "], 200, nil),
            (["Authorization: Basic Ym9zcw=="], 401, nil),
            (["Authorization: Basic YW55Ondyb25n"], 401, "invalid_token"),
            (["Authorization: Basic YW55Og=="], 401, "invalid_token"),
            (["Authorization: Basic YW55OmI6bw=="], 401, "invalid_token"),
            (["Authorization: Basic YW55OmJvc3M"], 401, nil),
            (["Authorization: Basic !"], 401, nil), (["Authorization: Basic"], 401, nil),
            (["Authorization: ApiKey YW55OmJvc3M="], 200, nil),
            (["Authorization: ApiKey Ym9zcw=="], 401, nil),
            (["Authorization: Splunk boss"], 200, nil),
            (["Authorization: Splunk wrong"], 401, "invalid_token"),
            (["Authorization: Splunk"], 401, "invalid_token"),
            (["Authorization: Token boss"], 401, nil),
            (["Proxy-Authorization: Bearer boss"], 401, nil), (["Cookie: token=boss"], 401, nil),
            ([bearer("boss"), bearer("boss")], 400, nil),
            ([bearer("boss"), "Authorization: Basic x"], 400, nil),
        ] as [([String], Int, String?)])
    func credentials(_ fields: [String], _ code: Int, _ error: String?) throws {
        try Self.run(try AccessFile(Self.tokens)) { server in
            let client = try server.connect()
            for target in ["/read", "/read?access_token=boss"] {
                let lines = ["GET \(target) HTTP/1.1", "Host: a"] + fields
                client.send(lines.map { "\($0)\r\n" }.joined() + "\r\n")
                let answer = try client.readAnswer()
                #expect(answer.code == code)
                #expect(!answer.text.contains("boss"))
                let challenge = "Bearer realm=\"test\"" + (error.map { ", error=\"\($0)\"" } ?? "")
                #expect(answer.field("www-authenticate") == (code == 401 ? challenge : nil))
            }
        }
    }

    // MARK: Bodies

    @Test("A refused body is neither asked for nor waited for")
    func body() throws {
        try Self.run(try AccessFile(Self.tokens)) { server in
            for (path, framing) in [
                ("/write", "Content-Length: 1000000"), ("/upload", "Transfer-Encoding: chunked"),
            ] {
                let fields = ["Expect: 100-continue", framing]
                let refused = try server.connect()
                refused.send(
                    Self.request("POST \(path)", fields[0], fields[1], Self.bearer("reader")))
                let answer = try refused.readInterimOrFinalAnswer()
                #expect((answer.code, answer.closes) == (403, true))
                #expect(try refused.isAtEnd())
                let admitted = try server.connect()
                admitted.send(
                    Self.request("POST \(path)", fields[0], fields[1], Self.bearer("writer")))
                #expect(try admitted.readInterimOrFinalAnswer().code == 100)
            }
            // A short body is skipped, and the next request is read.
            let client = try server.connect()
            client.send(
                Self.request("POST /write", "Content-Length: 5") + "hello"
                    + Self.request("POST /write", "Content-Length: 5", Self.bearer("writer"))
                    + "hello")
            #expect(try client.readAnswer().code == 401)
            #expect(try client.readAnswer().text == "5")
        }
    }

    // MARK: Changes

    @Test("A change counts from the next request on, and a file that is none changes nothing")
    func reload() throws {
        let file = try AccessFile(Self.tokens)
        try Self.run(file) { server in
            let client = try server.connect()
            func code(_ token: String) throws -> Int {
                client.send(Self.request("GET /read", Self.bearer(token)))
                return try client.readAnswer().code
            }
            #expect(try code("reader") == 200)
            try file.replace(by: [("other", .read), ("writer", .read)])
            #expect(try ["reader", "other", "writer"].map(code) == [401, 200, 200])
            for text in ["other read", "# nothing\nother admin sha256:0"] {
                try text.write(toFile: file.path, atomically: true, encoding: .utf8)
                #expect(!file.control.reload())
                #expect(!file.control.reloadIfChanged())
            }
            unlink(file.path)
            #expect(!file.control.reloadIfChanged())
            #expect(try ["reader", "other"].map(code) == [401, 200])
            try file.replace(by: [])
            #expect(try code("other") == 401)
        }
    }

    @Test("A stream and a long body end with their token, and not with another's")
    func removal() throws {
        let file = try AccessFile(Self.tokens + [("other", .admin)])
        try Self.run(file) { server in
            let streams = try ["reader", "boss", "both", "other"].map { token in
                let client = try server.connect()
                client.send(Self.request("GET /stream", Self.bearer(token)))
                return client
            }
            let uploads = try ["writer", "boss"].map { token in
                let client = try server.connect()
                client.send(
                    Self.request("POST /upload", "Transfer-Encoding: chunked", Self.bearer(token)))
                try client.awaitRead()
                return client
            }
            // One is removed, one has lost the scope, one has another scope, and one is unchanged.
            try file.replace(by: [("both", .write), ("boss", .read), ("other", .admin)])
            for (client, goesOn) in zip(streams, [false, true, false, true]) {
                if goesOn {
                    for _ in 0..<100 { #expect(try !client.receiveAsIs().isEmpty) }
                } else {
                    #expect(client.losesConnection())
                }
            }
            for client in uploads {
                client.send("1\r\nx\r\n")
                let answer = try client.readAnswer()
                #expect((answer.code, answer.closes) == (401, true))
                #expect(answer.field("www-authenticate")?.contains("invalid_token") == true)
            }
            let upload = try server.connect()
            upload.send(
                Self.request("POST /upload", "Transfer-Encoding: chunked", Self.bearer("other")))
            try upload.awaitRead()
            try file.replace(by: [("new", .read), ("other", .write)])
            upload.send("1\r\nx\r\n0\r\n\r\n")
            #expect(try upload.readAnswer().code == 200)
        }
    }

    @Test(
        "A body that is collected while its token goes is not handled, and not taken for the next one's"
    )
    func collected() throws {
        let file = try AccessFile(Self.tokens)
        try Self.run(file) { server in
            let client = try server.connect()
            client.send(
                Self.request("POST /write", "Content-Length: 6", Self.bearer("writer")) + "abc")
            try client.awaitRead()
            try file.replace(by: [("other", .write)])
            client.send("def")
            #expect(try client.readAnswer().code == 401)
            client.send(
                Self.request("POST /write", "Content-Length: 2", Self.bearer("other")) + "x")
            try client.awaitRead()
            client.send("y")
            #expect(try client.readAnswer().text == "2")
        }
    }

    @Test(
        "However many wrong tokens arrive, each is answered at once, and so is a right one after them"
    )
    func wrong() throws {
        let file = try AccessFile(Self.tokens)
        try Self.run(file) { server in
            let client = try server.connect()
            for _ in 0..<100 {
                client.send(Self.request("GET /read", Self.bearer("wrong")))
                let answer = try client.readAnswer()
                #expect((answer.code, answer.closes) == (401, false))
            }
            #expect(file.control.refusals["invalid_token"] == 100)
            client.send(Self.request("GET /read", Self.bearer("reader")))
            #expect(try client.readAnswer().code == 200)
        }
    }
}
