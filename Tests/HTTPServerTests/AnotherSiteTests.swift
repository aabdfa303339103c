import Testing

@testable import HTTPServer

@Suite("Pages of other sites")
struct AnotherSiteTests {
    @Test(
        "What a browser sends for one changes nothing here",
        arguments: [
            ([], true), (["Sec-Fetch-Site: same-origin"], true), (["Sec-Fetch-Site: none"], true),
            (["Sec-Fetch-Site: same-origin", "Origin: http://b"], true),
            (["Origin: http://a"], true), (["Origin: https://A"], true),
            (["Sec-Fetch-Site: cross-site"], false), (["Sec-Fetch-Site: same-site"], false),
            (["Sec-Fetch-Site: cross-site", "Origin: http://a"], false),
            (["Sec-Fetch-Site:"], false),
            (["Origin: http://b"], false), (["Origin: http://a:8080"], false),
            (["Origin: http://b.a"], false),
            (["Origin: null"], false), (["Origin:"], false), (["Origin: http://a/"], false),
        ] as [([String], Bool)])
    func requests(_ fields: [String], isTaken: Bool) throws {
        try TestServer.run { server in
            let client = try server.connect()
            func code(_ method: String, _ more: String...) throws -> Int {
                let lines = ["\(method) / HTTP/1.1", "Host: a"] + fields + more
                client.send(lines.map { "\($0)\r\n" }.joined() + "\r\n")
                return try client.readAnswer().code
            }
            #expect(try code("POST", "Content-Length: 0") == (isTaken ? 200 : 403))
            #expect(try code("GET") == 200)
            #expect(try code("OPTIONS") == 204)
        }
    }
}
