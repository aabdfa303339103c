import Foundation
import Testing

/// Each bound on a request: exactly at it, and one past it.
@Suite("Limits")
struct LimitTests {
    @Test("A body of --max-body-bytes is taken, one byte more is 413")
    func bodyLength() throws {
        let server = try LogbookProcess(flags: ["--max-body-bytes", "1000"])
        let body = NewEvent(id: "at").json
        let padded = body + String(repeating: " ", count: 1_000 - body.utf8.count)
        let client = try server.connect()
        #expect(try client.exchange("POST", "/events", padded).status == 201)
        let problem = try client.exchange("POST", "/events", padded + " ").problem(413)
        #expect(problem.detail.contains("1000"))

        let head = "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunks = try server.connect()
        // An array, because objects of no known length are a stream.
        let array = "[\(padded.dropLast(2))]"
        try chunks.send(
            head + "1f4\r\n\(array.prefix(500))\r\n1f4\r\n\(array.dropFirst(500))\r\n")
        try chunks.send("0\r\n\r\n")
        #expect(try chunks.readResponse().status == 200)
        try chunks.send(head + "3e8\r\n\(array)\r\n1\r\n \r\n0\r\n\r\n")
        try chunks.readResponse().problem(413)
        #expect(try server.walk("").count == 1)
    }

    @Test("A body that is announced too long is refused before it is sent")
    func announced() throws {
        let server = try LogbookProcess()
        let client = try server.connect()
        let length = 16 * 1024 * 1024 + 1
        try client.send("POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n")
        let response = try client.readResponse()
        try response.problem(413)
        #expect(response.header("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("A body of the default bound, 16 MiB, is read whole")
    func largestBody() throws {
        let server = try LogbookProcess()
        let event = NewEvent(id: "e", description: String(repeating: "d", count: 65_000)).json
        let item = event + String(repeating: " ", count: 65_536 - event.utf8.count - 1) + ","
        // 255 items of 64 KiB, and one that makes it exactly 16 MiB.
        let body = "[" + String(repeating: item, count: 255) + event
        let padding = String(repeating: "\n", count: 16 * 1024 * 1024 - body.utf8.count - 1)
        let response = try server.post(body + padding + "]")
        let summary = try response.decode(BatchSummary.self)
        #expect(summary.accepted == 1)
        #expect(summary.duplicates == 255)
    }

    @Test("Objects of more than a million keys take no more memory than their bytes")
    func manyKeys() throws {
        let server = try LogbookProcess()
        let keys = (0..<1_400_000).map { "\"\($0)\":0" }.joined(separator: ",")
        let request = RawClient.request("POST", "/events", "{\"metadata\":{\(keys)}}")
        // As many as one client may have being read at a time.
        let clients = try (0..<3).map { _ in try server.connect() }
        for client in clients { try client.send(String(request.dropLast())) }
        for client in clients { try client.send("}") }
        for client in clients {
            let problem = try client.readResponse().problem(400)
            #expect(problem.detail.contains("more than 65536 keys at line 1"), "\(problem)")
        }
        // Each exists twice: as received, and while it is read.
        #expect(try server.peakMemory() < 192 << 20)
    }

    @Test("A target of --max-target-bytes is taken, one byte more is 414", arguments: [nil, 500])
    func target(_ flag: Int?) throws {
        let server = try LogbookProcess(
            flags: flag.map { ["--max-target-bytes", "\($0)"] } ?? [])
        let limit = flag ?? 8_192
        let target = "/" + String(repeating: "x", count: limit - 1)
        try server.exchange("GET", target).problem(404)
        let client = try server.connect()
        let response = try client.exchange("GET", target + "x")
        try response.problem(414)
        #expect(response.header("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
    }

    /// More than 64 KiB is more than is read ahead of waiting requests.
    @Test(
        "A header section of --max-header-bytes is taken, more is 431",
        arguments: [nil, 1_000, 200_000])
    func headerBytes(_ flag: Int?) throws {
        let server = try LogbookProcess(
            flags: flag.map { ["--max-header-bytes", "\($0)"] } ?? [])
        let limit = flag ?? 16_384
        // The field lines and the empty line after them fill it exactly.
        let frame = "Host: h\r\nX: \r\n\r\n".utf8.count
        let client = try server.connect()
        func send(_ padding: Int) throws -> RawResponse {
            let value = String(repeating: "v", count: padding)
            try client.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX: \(value)\r\n\r\n")
            return try client.readResponse()
        }
        #expect(try send(limit - frame).status == 200)
        let response = try send(limit - frame + 1)
        try response.problem(431)
        #expect(response.header("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test(
        "Header fields up to --max-header-fields are taken, one more is 431", arguments: [nil, 5])
    func headerFields(_ flag: Int?) throws {
        let server = try LogbookProcess(
            flags: flag.map { ["--max-header-fields", "\($0)"] } ?? [])
        let limit = flag ?? 100
        let headers = (1..<limit).map { ("X-\($0)", "v") }  // Host is one, too.
        #expect(try server.exchange("GET", "/healthz", headers: headers).status == 200)
        try server.exchange("GET", "/healthz", headers: headers + [("X-More", "v")]).problem(431)
    }

    @Test("A method of 32 bytes is 501, one byte more 400")
    func method() throws {
        let server = try LogbookProcess()
        let method = String(repeating: "M", count: 32)
        let client = try server.connect()
        try client.exchange(method, "/nowhere").problem(501)
        let response = try client.exchange(method + "M", "/nowhere")
        try response.problem(400)
        #expect(response.header("Connection") == "close")
    }

    @Test("A chunk's line of 4 KiB is taken, one byte more is 400")
    func chunkLine() throws {
        let server = try LogbookProcess()
        let body = NewEvent(id: "e").json
        let size = String(body.utf8.count, radix: 16)
        func send(_ lineBytes: Int) throws -> RawResponse {
            let padding = String(repeating: "x", count: lineBytes - size.utf8.count - 1)
            return try chunked("\(size);\(padding)\r\n\(body)\r\n0\r\n\r\n", to: server)
        }
        try send(4_097).problem(400)
        #expect(try send(4_096).status == 201)
    }

    @Test("16 KiB of chunk lines beside the data are taken, one byte more is 400")
    func chunkOverhead() throws {
        let server = try LogbookProcess()
        // White space around the event; each byte of it has 18 bytes free.
        func send(_ overhead: Int) throws -> RawResponse {
            var chunks = ""
            for part in Array(repeating: 1_000, count: overhead / 1_000) + [overhead % 1_000] {
                chunks += "1;\(String(repeating: "x", count: 18 + part - 2))\r\n \r\n"
            }
            let body = NewEvent(id: "e").json
            chunks += "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
            return try chunked(chunks, to: server)
        }
        try send(16_385).problem(400)
        #expect(try send(16_384).status == 201)
    }

    private func chunked(_ chunks: String, to server: LogbookProcess) throws -> RawResponse {
        let client = try server.connect()
        try client.send(
            "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)")
        return try client.readResponse()
    }

    @Test("An unwanted body of 64 KiB is read, one byte more ends the connection")
    func drain() throws {
        let server = try LogbookProcess()
        let client = try server.connect()
        let body = String(repeating: "b", count: 65_536)
        #expect(try client.exchange("GET", "/healthz", body).header("Connection") == nil)
        #expect(try client.exchange("GET", "/healthz", body + "b").header("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("Trailers have the bounds of headers")
    func trailers() throws {
        let server = try LogbookProcess()
        let body = NewEvent(id: "e").json
        let size = String(body.utf8.count, radix: 16)
        func send(_ trailers: String) throws -> RawResponse {
            try chunked("\(size)\r\n\(body)\r\n0\r\n\(trailers)\r\n", to: server)
        }
        let fields = String(repeating: "X: y\r\n", count: 100)
        try send(fields + "X: y\r\n").problem(431)
        // The line and the empty line, 16 KiB together, and one byte more.
        try send("X: \(String(repeating: "y", count: 16_378))\r\n").problem(431)
        #expect(try server.walk("").isEmpty)
        #expect(try send(fields).status == 201)
        #expect(try send("X: \(String(repeating: "y", count: 16_377))\r\n").status == 200)
    }

    @Test("Beyond --max-connections a connection waits until another one ends")
    func connections() throws {
        let server = try LogbookProcess(flags: ["--max-connections", "2"])
        var first: RawClient? = try server.connect()
        let second = try server.connect()
        #expect(try first?.exchange("GET", "/healthz").status == 200)
        #expect(try second.exchange("GET", "/healthz").status == 200)
        let third = try server.connect()
        try third.send(RawClient.request("GET", "/healthz"))
        #expect(try second.exchange("GET", "/healthz").status == 200)
        first = nil
        #expect(try third.readResponse().status == 200)
    }

    @Test("Who is slow is answered with 408, or closed")
    func timeouts() throws {
        let server = try LogbookProcess(
            flags: ["--header-timeout", "0.2", "--idle-timeout", "0.2"])
        let silent = try server.connect()
        let slowHeader = try server.connect()
        try slowHeader.send("GET /healthz HTTP/1.1\r\nHost: ")
        let slowBody = try server.connect()
        try slowBody.send("POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        let idle = try server.connect()
        #expect(try idle.exchange("GET", "/healthz").status == 200)
        try slowHeader.readResponse().problem(408)
        try slowBody.readResponse().problem(408)
        for client in [silent, slowHeader, slowBody, idle] {
            #expect(try client.readToEnd().isEmpty)
        }
    }
}
