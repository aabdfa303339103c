import Foundation
import TestSupport
import Testing

/// The statuses that the server itself gives, and its refusal of ambiguous requests.
@Suite("Protocol")
struct ProtocolTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    @Test("OPTIONS tells what a path allows")
    func options() throws {
        for (path, allowed) in [
            ("/events", ["GET", "HEAD", "OPTIONS", "POST"]),
            ("/events/some", ["DELETE", "GET", "HEAD", "OPTIONS"]),
            ("/healthz", ["GET", "HEAD", "OPTIONS"]),
        ] {
            let response = try server.exchange("OPTIONS", path)
            #expect(response.status == 204)
            #expect(response.header("Content-Length") == nil)
            let methods = try #require(response.header("Allow")).components(separatedBy: ", ")
            #expect(Set(methods).isSuperset(of: allowed), "\(path): \(methods)")
        }
        let all = try server.exchange("OPTIONS", "*")
        #expect(all.status == 204)
        let methods = try #require(all.header("Allow")).components(separatedBy: ", ")
        #expect(Set(methods).isSuperset(of: ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]))
        #expect(Set(methods).count == methods.count)
    }

    @Test(
        "An unknown path is 404",
        arguments: [
            "/none", "/events/", "/events/a/b", "//events", "/Events", "/healthz/", "/events%2Fa",
            "/schema/versions", "/./events", "/../etc/passwd", "/%2e%2e/etc/passwd", "/events%00",
        ])
    func notFound(_ path: String) throws {
        for method in ["GET", "POST", "OPTIONS"] {
            try server.exchange(method, path).problem(404)
        }
    }

    @Test(
        "A wrong method is 405, with what would be right",
        arguments: [
            ("PUT", "/events"), ("PATCH", "/events/e"), ("POST", "/events/e"), ("POST", "/healthz"),
            ("DELETE", "/schema/version"),
        ])
    func wrongMethod(_ method: String, _ path: String) throws {
        let response = try server.exchange(method, path, "{}")
        try response.problem(405)
        #expect(response.header("Allow") == (try server.exchange("OPTIONS", path).header("Allow")))
        #expect(response.header("Allow")?.components(separatedBy: ", ").contains(method) == false)
    }

    @Test("An absolute target is the path it holds")
    func absoluteTarget() throws {
        try server.store([NewEvent(id: "e")])
        let client = try server.connect()
        for target in ["http://localhost/events/e", "http://LOCALHOST/healthz", "http://localhost"]
        {
            #expect(try client.exchange("GET", target).status == 200, "\(target)")
        }
    }

    // MARK: Refusals

    struct Refusal: CustomTestStringConvertible, Sendable {
        let status: Int
        let request: String

        init(_ status: Int, _ request: String) { (self.status, self.request) = (status, request) }

        var testDescription: String { "\(status): \(request.prefix(70).debugDescription)" }

        private static let post = "POST /events HTTP/1.1\r\nHost: h\r\n"

        static let all = [
            Refusal(400, "GET /healthz HTTP/1.1\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n"),
            Refusal(400, "GET http://a/healthz HTTP/1.1\r\nHost: b\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\nHost: a\n\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\r\nX(: a\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\u{1}b\r\n\r\n"),
            Refusal(400, "GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /healthz  HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, " GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /healthz\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /healthz http/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /healthz HTTP/1.10\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /% HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /é HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}"),
            Refusal(400, String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n"),
            Refusal(400, post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
            Refusal(400, post + "Content-Length: 2, 2\r\n\r\n{}"),
            Refusal(400, post + "Content-Length: +2\r\n\r\n{}"),
            Refusal(400, post + "Content-Length: -1\r\n\r\n"),
            Refusal(400, post + "Content-Length: 0x2\r\n\r\n{}"),
            Refusal(400, post + "Content-Length:\r\n\r\n"),
            Refusal(400, post + "Content-Length: 99999999999999999999\r\n\r\n"),
            Refusal(400, post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
            Refusal(
                400,
                "POST /events HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n2;\r\n{}\r\n0\r\n\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            Refusal(400, post + "Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n"),
            Refusal(501, post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            Refusal(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            Refusal(505, "GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n"),
            Refusal(505, "GET /healthz HTTP/0.9\r\nHost: a\r\n\r\n"),
        ]
    }

    @Test(
        "A malformed or ambiguous message is refused, and nothing after it is answered",
        arguments: Refusal.all)
    func refused(_ refusal: Refusal) throws {
        let client = try server.connect()
        try client.send(refusal.request + RawClient.request("POST", "/events", NewEvent().json))
        let response = try client.readResponse()
        try response.problem(refusal.status)
        #expect(response.header("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(try server.walk("").isEmpty)
    }

    @Test("An unknown method is 501, or 405 if the path is known")
    func unknownMethod() throws {
        for method in ["BREW", "TRACE", "get", "PROPFIND"] {
            let known = try server.exchange(method, "/healthz")
            #expect(known.status == 405 || known.status == 501)
            try known.problem(known.status)
            let unknown = try server.exchange(method, "/none")
            try unknown.problem(501)
        }
        let client = try server.connect()
        try client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
        try client.readResponse().problem(501)
    }

    @Test("One empty line before a request is passed over")
    func emptyLine() throws {
        let client = try server.connect()
        for _ in 0..<2 {
            try client.send("\r\n" + RawClient.request("GET", "/healthz"))
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test("Every answer carries Date and nosniff")
    func commonHeaders() throws {
        for response in [
            try server.exchange("GET", "/healthz"), try server.exchange("GET", "/none"),
            try server.exchange("OPTIONS", "*"), try server.post(NewEvent().json),
        ] {
            let date = try #require(response.header("Date"))
            #expect(
                date.wholeMatch(of: /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/) != nil, "\(date)")
            #expect(response.header("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test("No error tells of files, SQL or the inside")
    func discretion() throws {
        try server.store([NewEvent(id: "e", title: "before")])
        for response in [
            try server.post("{"), try server.post("[]"), try server.post(NewEvent(id: "e").json),
            try server.exchange("GET", "/events?cursor=x"),
            try server.exchange("GET", "/events/x'"),
        ] {
            let detail = try response.problem(response.status).detail
            for word in [server.folder.path, ".swift", "SELECT", "INSERT", "SQLite", "sqlite"] {
                #expect(!detail.contains(word), "\(detail)")
            }
        }
    }
}
