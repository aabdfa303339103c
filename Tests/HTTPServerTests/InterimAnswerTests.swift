import Testing

@testable import HTTPServer

@Suite("100 (Continue)")
struct InterimAnswerTests {
    @Test(
        "Comes before the body, which is then read",
        arguments: [
            ("Content-Length: 5", "hello"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
        ])
    func before(framing: String, body: String) throws {
        try TestServer.run { server in
            let client = try server.connect()
            for _ in 0..<2 {
                client.send(
                    "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\(framing)\r\n\r\n")
                #expect(try client.readInterimOrFinalAnswer().code == 100)
                client.send(body)
                let answer = try client.readInterimOrFinalAnswer()
                #expect(answer.code == 200)
                #expect(try #require(Echo(answer)).body == Array("hello".utf8))
            }
        }
    }

    @Test("Is left out when the body is there already")
    func bodyIsThere() throws {
        try TestServer.run { server in
            let client = try server.connect()
            client.send(
                "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
            )
            #expect(try client.readInterimOrFinalAnswer().code == 200)
        }
    }

    @Test(
        "Is not sent if the header decides, or the client does not wait for it",
        arguments: [
            ("POST /small HTTP/1.1", "Content-Length: 1001", 413),
            ("POST /nowhere HTTP/1.1", "Content-Length: 5", 404),
            ("PUT /echo HTTP/1.1", "Content-Length: 5", 405),
            ("GET / HTTP/1.1", "Content-Length: 5", 200),
            ("POST /echo HTTP/1.1", "Content-Length: 0", 200),
            ("POST /echo HTTP/1.1", "Content-Length: x", 400),
            ("POST /echo HTTP/1.1", "Transfer-Encoding: gzip", 501),
        ])
    func headerDecides(line: String, framing: String, code: Int) throws {
        try TestServer.run { server in
            let client = try server.connect()
            client.send("\(line)\r\nHost: a\r\nExpect: 100-continue\r\n\(framing)\r\n\r\n")
            #expect(try client.readInterimOrFinalAnswer().code == code)
        }
    }

    @Test("Is not sent to a 1.0 client, which would not know it")
    func oldClient() throws {
        try TestServer.run { server in
            let client = try server.connect()
            client.send("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            try client.awaitRead()
            client.send("hello")
            #expect(try client.readInterimOrFinalAnswer().code == 200)
        }
    }

    @Test("Comes after the answers to earlier requests")
    func order() throws {
        try TestServer.run { server in
            let client = try server.connect()
            client.send(
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                    + "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
            )
            #expect(try client.readInterimOrFinalAnswer().code == 200)
            #expect(try client.readInterimOrFinalAnswer().code == 100)
            client.send("a")
            #expect(try client.readInterimOrFinalAnswer().code == 200)
        }
    }
}
