import Foundation
import Testing

/// Each bound on a request: at it, and one past it.
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
        try chunks.send(
            head + "1f4\r\n\(padded.prefix(500))\r\n1f4\r\n\(padded.dropFirst(500))\r\n")
        try chunks.send("0\r\n\r\n")
        #expect(try chunks.readResponse().status == 200)
        try chunks.send(head + "3e8\r\n\(padded)\r\n1\r\n \r\n0\r\n\r\n")
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
        // 255 items of 64 KiB, and one that makes it 16 MiB to the byte.
        let body = "[" + String(repeating: item, count: 255) + event
        let padding = String(repeating: "\n", count: 16 * 1024 * 1024 - body.utf8.count - 1)
        let response = try server.post(body + padding + "]")
        let summary = try response.decode(BatchSummary.self)
        #expect(summary.accepted == 1)
        #expect(summary.duplicates == 255)
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

    @Test("A header section of --max-header-bytes is taken, more is 431", arguments: [nil, 1_000])
    func headerBytes(_ flag: Int?) throws {
        let server = try LogbookProcess(
            flags: flag.map { ["--max-header-bytes", "\($0)"] } ?? [])
        let limit = flag ?? 16_384
        // The field lines with the empty line behind them fill it.
        let frame = "Host: h\r\nX: \r\n\r\n".utf8.count
        let client = try server.connect()
        func send(_ padding: Int) throws -> RawResponse {
            let value = String(repeating: "v", count: padding)
            try client.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX: \(value)\r\n\r\n")
            return try client.readResponse()
        }
        #expect(try send(limit - frame).status == 200)
        // Three more: the field lines alone are one byte longer than the bound.
        let response = try send(limit - frame + 3)
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

    @Test("Trailers have the bounds of headers")
    func trailers() throws {
        let server = try LogbookProcess()
        let body = NewEvent(id: "e").json
        let size = String(body.utf8.count, radix: 16)
        func send(_ trailers: String) throws -> RawResponse {
            let client = try server.connect()
            try client.send(
                "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "\(size)\r\n\(body)\r\n0\r\n\(trailers)\r\n")
            return try client.readResponse()
        }
        let fields = String(repeating: "X: y\r\n", count: 100)
        try send(fields + "X: y\r\n").problem(431)
        try send("X: \(String(repeating: "y", count: 17_000))\r\n").problem(431)
        #expect(try server.walk("").isEmpty)
        #expect(try send(fields).status == 201)
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
            flags: ["--header-timeout", "0.2", "--body-timeout", "0.2", "--idle-timeout", "0.2"])
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
