import Testing

@testable import HTTPServer

@Suite("Pages of other sites")
struct AnotherSiteTests {
    @Test(
        "A browser's request for one is refused, except for the first page",
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
            let expected = isTaken ? 200 : 403
            #expect(try code("POST", "Content-Length: 0") == expected)
            #expect(try code("GET") == expected)
            #expect(try code("OPTIONS") == 204)
            // A link to the page, then a frame and an image.
            let navigates = "Sec-Fetch-Mode: navigate"
            #expect(try code("GET", navigates, "Sec-Fetch-Dest: document") == 200)
            #expect(try code("GET", navigates, "Sec-Fetch-Dest: iframe") == expected)
            #expect(try code("GET", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image") == expected)
            #expect(
                try code("POST", navigates, "Sec-Fetch-Dest: document", "Content-Length: 0")
                    == expected)
        }
    }

    @Test("A link to anything but the first page is not followed")
    func links() throws {
        try TestServer.run { server in
            let client = try server.connect()
            client.send(
                "GET /echo HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: cross-site\r\n"
                    + "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n")
            #expect(try client.readAnswer().code == 403)
        }
    }
}
