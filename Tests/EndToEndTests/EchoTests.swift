import Foundation
import Testing

/// `Examples/echo`, the smallest program on `HTTPServer`: the behavior that conformance tools rely
/// on.
@Suite("Examples/echo")
struct EchoTests {
    private static let implemented = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    private static func run(_ arguments: String...) throws -> ChildProcess {
        // It is built with the tests.
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return try ChildProcess(
            tests.deletingLastPathComponent().appendingPathComponent("echo").path, arguments)
    }

    private static func start() throws -> (program: ChildProcess, client: RawClient) {
        let program = try run("--listen", "127.0.0.1:0")
        let line = try program.standardError.line(containing: "Listening on http://127.0.0.1:")
        let port = line.split(separator: ":").last.flatMap { UInt16($0) }
        return (program, try RawClient(port: try #require(port)))
    }

    @Test("GET, HEAD and OPTIONS of / are 200, with nothing in them")
    func root() throws {
        let (program, client) = try Self.start()
        for method in ["GET", "HEAD", "OPTIONS"] {
            let response = try client.exchange(method, "/")
            #expect(response.status == 200, "\(method)")
            #expect(response.body.isEmpty, "\(method)")
        }
        withExtendedLifetime(program) {}
    }

    @Test("POST of / answers with the very body, of known length or in chunks")
    func body() throws {
        let (program, client) = try Self.start()
        let every = (UInt8.min...UInt8.max).map { $0 }
        let large = Array(repeating: every, count: 4096).flatMap(\.self)
        for body in [[], every, large] {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
            try client.send(body)
            let response = try client.readResponse()
            #expect(response.status == 200)
            #expect(response.body == body)
        }
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try client.send("3\r\nabc\r\n2;x=y\r\n\r\n\r\n0\r\nX: trailer\r\n\r\n")
        #expect(try client.readResponse().text == "abc\r\n")
        withExtendedLifetime(program) {}
    }

    @Test("/echo answers each method with the header lines as they were understood")
    func headers() throws {
        let (program, client) = try Self.start()
        for method in Self.implemented {
            try client.send(
                "\(method) /echo HTTP/1.1\r\nhOsT: a\r\nX-A:  b c \t\r\nx-a: \r\nX-A:d:e\r\n\r\n")
            let response = try client.readResponse(toHead: method == "HEAD")
            #expect(response.status == 200, "\(method)")
            let lines = ["hOsT: a", "X-A: b c", "x-a: ", "X-A: d:e", ""].joined(separator: "\n")
            if method == "HEAD" {
                #expect(response.header("Content-Length") == "\(lines.utf8.count)")
            } else {
                #expect(response.text == lines, "\(method)")
            }
        }
        withExtendedLifetime(program) {}
    }

    @Test("What the server does not implement is refused")
    func refused() throws {
        let (program, client) = try Self.start()
        for method in ["TRACE", "CONNECTED", "get"] {
            let response = try client.exchange(method, "/echo")
            #expect(response.status == 405, "\(method)")
            #expect(response.header("Allow") == Self.implemented.joined(separator: ", "))
        }
        #expect(try client.exchange("PUT", "/").status == 405)
        #expect(try client.exchange("TRACE", "/elsewhere").status == 501)
        #expect(try client.exchange("GET", "/elsewhere").status == 404)
        withExtendedLifetime(program) {}
    }

    @Test("SIGTERM ends it with 0, and a wrong command line with 64 and the usage")
    func ends() throws {
        let (program, client) = try Self.start()
        #expect(try client.exchange("GET", "/").status == 200)
        program.signal(SIGTERM)
        #expect(try client.readToEnd().isEmpty)
        #expect(try program.waitForExit() == 0)
        let wrong = try Self.run("--listen", "nonsense")
        #expect(try wrong.waitForExit() == 64)
        #expect(try wrong.standardOutput.wholeText().hasPrefix("usage: echo --listen"))
    }

    @Test("The program is at most 80 lines")
    func size() throws {
        let folder = BuiltProgram.repository.appendingPathComponent("Examples/echo")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let lines = try files.map {
            try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
                .split(separator: "\n", omittingEmptySubsequences: false).count - 1
        }
        #expect(lines.reduce(0, +) <= 80)
    }
}
