import Testing

@testable import HTTPServer

@Suite("Unwanted bodies")
struct UnwantedBodyTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n"

    private func limits(drainBytes: Int) -> HTTPLimits {
        var limits = HTTPLimits()
        limits.drainBytes = drainBytes
        return limits
    }

    @Test("A known length at the bound is drained, one byte more ends the connection")
    func length() throws {
        try TestServer.run(limits: limits(drainBytes: 10)) { server in
            let client = try server.connect()
            client.send("\(Self.get)Content-Length: 10\r\n\r\n0123456789\(Self.get)\r\n")
            for _ in 0..<2 { #expect(try !client.readAnswer().closes) }
            client.send("\(Self.get)Content-Length: 11\r\n\r\n")
            #expect(try client.readAnswer().closes)
            #expect(try client.isAtEnd())
        }
    }

    @Test(
        "Chunks up to the bound are drained, one byte more ends the connection",
        arguments: ["b\r\n0123456789a\r\n", "a\r\n0123456789\r\n1\r\na\r\n"])
    func chunked(tooMuch: String) throws {
        let post = "\(Self.get)Transfer-Encoding: chunked\r\n\r\n"
        try TestServer.run(limits: limits(drainBytes: 10)) { server in
            let client = try server.connect()
            client.send("\(post)a\r\n0123456789\r\n0\r\n\r\n\(Self.get)\r\n")
            for _ in 0..<2 { #expect(try !client.readAnswer().closes) }
            // The answer is sent before the body is known to be too long.
            client.send("\(post)\(tooMuch)")
            #expect(try !client.readAnswer().closes)
            #expect(try client.isAtEnd())
        }
    }

    @Test("One that is extensions mainly ends the connection")
    func extensions() throws {
        var limits = HTTPLimits()
        limits.chunkOverheadBytes = 100
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            let chunk = "1;\(String(repeating: "a", count: 119))\r\nx\r\n"
            client.send("\(Self.get)Transfer-Encoding: chunked\r\n\r\n\(chunk)")
            #expect(try !client.readAnswer().closes)
            #expect(try client.isAtEnd())
        }
    }
}
