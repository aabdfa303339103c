import Foundation
import Testing

/// A connection from its first request to its end (RFC 9112, sections 6 to 9).
@Suite("Connections")
struct ConnectionTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    @Test("A connection serves one request after the other")
    func keepAlive() throws {
        let client = try server.connect()
        for number in 0..<50 {
            let stored = try client.exchange("POST", "/events", NewEvent(id: "e\(number)").json)
            #expect(stored.status == 201)
            #expect(stored.version == "HTTP/1.1")
            #expect(stored.header("Connection") == nil)
            #expect(try client.exchange("GET", "/events/e\(number)").text == stored.text)
        }
        // Errors that leave the framing intact do not end it.
        try client.exchange("POST", "/events", "{}").problem(422)
        try client.exchange("POST", "/events", "{").problem(400)
        try client.exchange("GET", "/none").problem(404)
        try client.exchange("PUT", "/events", "{}").problem(405)
        #expect(try client.exchange("GET", "/healthz").status == 200)
    }

    @Test("Connection: close is obeyed", arguments: ["close", "Close", "keep-alive, close"])
    func close(_ option: String) throws {
        let client = try server.connect()
        try client.send(
            RawClient.request("GET", "/healthz", headers: [("Connection", option)])
                + RawClient.request("GET", "/healthz"))
        let response = try client.readResponse()
        #expect(response.status == 200)
        #expect(response.header("Connection") == "close")
        #expect(try client.readToEnd().isEmpty, "what follows the last request is not answered")
    }

    @Test("HTTP/1.0 closes, unless it asks to keep alive")
    func version10() throws {
        let client = try server.connect()
        try client.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let kept = try client.readResponse()
        #expect(kept.status == 200)
        #expect(kept.header("Connection")?.lowercased() == "keep-alive")
        let body = NewEvent(id: "old").json
        try client.send(
            "POST /events HTTP/1.0\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(try client.readResponse().status == 201)
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("100 requests in one write, of every kind, are answered in order")
    func pipelined() throws {
        var requests = ""
        var wanted: [(status: Int, id: String?)] = []
        for number in 0..<25 {
            let id = "e\(number)"
            requests += RawClient.request("POST", "/events", NewEvent(id: id).json)
            wanted.append((201, id))
            // It is answered after the event it reads is stored: in order means that too.
            requests += RawClient.request("GET", "/events/\(id)")
            wanted.append((200, id))
            requests += RawClient.request("GET", "/none")
            wanted.append((404, nil))
            requests += RawClient.request("DELETE", "/events/\(id)")
            wanted.append((204, nil))
        }
        let client = try server.connect()
        try client.send(requests)
        for (index, want) in wanted.enumerated() {
            let response = try client.readResponse()
            #expect(response.status == want.status, "answer \(index)")
            if let id = want.id {
                #expect(try response.decode(StoredEvent.self).id == id, "answer \(index)")
            }
        }
    }

    @Test("Pipelined requests that arrive byte by byte are answered the same")
    func bytewise() throws {
        let client = try server.connect()
        let requests =
            RawClient.request("POST", "/events", NewEvent(id: "a").json)
            + RawClient.request("GET", "/events/a")
            + "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + Self.chunked(NewEvent(id: "b").json, size: 5) + RawClient.request("GET", "/events/b")
        for byte in Array(requests.utf8) { try client.send([byte]) }
        #expect(try (0..<4).map { _ in try client.readResponse().status } == [201, 200, 201, 200])
    }

    @Test(
        "All 100 pipelined pages are answered, though the client takes them at its own pace",
        arguments: [false, true])
    func backPressure(_ finishesSending: Bool) throws {
        let text = String(repeating: "x", count: 2_000)
        try server.store((0..<100).map { NewEvent(id: "e\($0)", description: text) })
        let requests = String(repeating: RawClient.request("GET", "/events?limit=100"), count: 100)
        // On each of several hundred thousand bytes, it is a matter of microseconds if the server
        // waits for the client or the client for the server.
        for round in 0..<8 {
            let client = try server.connect()
            try client.send(requests)
            if finishesSending { client.finishSending() }
            #expect(try server.exchange("GET", "/healthz").status == 200)
            for number in 0..<100 {
                let response = try client.readResponse()
                let isWhole = response.body.count > 100 * 2_000 && response.body.last == 0x0A
                try #require(
                    response.status == 200 && isWhole, "answer \(number) of round \(round)")
            }
        }
    }

    @Test("A client that has finished sending is still answered, and then let go")
    func halfClosed() throws {
        let client = try server.connect()
        try client.send(
            RawClient.request("POST", "/events", NewEvent(id: "a").json)
                + RawClient.request("POST", "/events", NewEvent(id: "b").json)
                + RawClient.request("GET", "/events"))
        client.finishSending()
        #expect(try client.readResponse().status == 201)
        #expect(try client.readResponse().status == 201)
        #expect(try client.readResponse().decode(EventList.self).events.map(\.id) == ["b", "a"])
        #expect(try client.readToEnd().isEmpty)
    }

    @Test(
        "A client that goes in the middle of a request leaves nothing stored",
        arguments: [
            "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n",
            "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
        ])
    func broken(_ head: String) throws {
        let client = try server.connect()
        try client.send(head + NewEvent(id: "half").json)
        client.finishSending()
        _ = try client.readToEnd()
        #expect(try server.walk("").isEmpty)
    }

    // MARK: Bodies

    private static func chunked(_ body: String, size: Int, trailers: String = "") -> String {
        var rest = Substring(body)
        var text = ""
        while !rest.isEmpty {
            let piece = rest.prefix(size)
            rest = rest.dropFirst(size)
            text += String(piece.utf8.count, radix: 16) + "\r\n\(piece)\r\n"
        }
        return text + "0\r\n\(trailers)\r\n"
    }

    @Test("Chunks of any size make up the body", arguments: [1, 2, 3, 7, 16, 1_000])
    func chunks(_ size: Int) throws {
        let event = NewEvent(id: "é-is-not-allowed".filter(\.isASCII), title: "Grüße 😀 \(size)")
        let client = try server.connect()
        let head = "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        let message = head + Self.chunked(event.json, size: size, trailers: "X-Check: 1\r\n")
        // Pieces that end anywhere: inside size lines, between CR and LF, inside a character.
        var bytes = Array(message.utf8)[...]
        while !bytes.isEmpty {
            try client.send(Array(bytes.prefix(11)))
            bytes = bytes.dropFirst(11)
        }
        let response = try client.readResponse()
        #expect(response.status == 201, "\(response.text)")
        #expect(try response.decode(StoredEvent.self).title == event.title)
        #expect(try client.exchange("GET", "/healthz").status == 200)
    }

    @Test("Chunk extensions and sizes in any spelling are read")
    func chunkSpellings() throws {
        let body = NewEvent(id: "x").json
        let size = String(body.utf8.count, radix: 16)
        let client = try server.connect()
        for line in [size.uppercased(), "000\(size)", "\(size);a=b;c=\"d;\\\"e\"", "\(size);flag"] {
            try client.send(
                "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    + "\(line)\r\n\(body)\r\n0;last\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.status == 201 || response.status == 200, "\(line): \(response.text)")
        }
    }

    @Test("A body in odd pieces is put together", arguments: [1, 1_000, 65_537])
    func pieces(_ size: Int) throws {
        let count = size == 1 ? 1_000 : 60_000
        let event = NewEvent(id: "p", description: String(repeating: "é", count: count / 2))
        let client = try server.connect()
        var bytes = Array(RawClient.request("POST", "/events", event.json).utf8)[...]
        while !bytes.isEmpty {
            try client.send(Array(bytes.prefix(size)))
            bytes = bytes.dropFirst(size)
        }
        let response = try client.readResponse()
        #expect(response.status == 201)
        #expect(try response.decode(StoredEvent.self).description == event.description)
    }

    @Test(
        "A body that a route does not want is passed over",
        arguments: ["GET", "DELETE", "PUT", "OPTIONS"])
    func unwantedBody(_ method: String) throws {
        let client = try server.connect()
        let poison = "GET /poison HTTP/1.1\r\nHost: h\r\n\r\n"
        let first = try client.exchange(method, "/events/none", poison)
        #expect([404, 405, 204].contains(first.status))
        #expect(try client.exchange("GET", "/healthz").text == "{\"status\":\"ok\"}\n")
    }

    // MARK: Expect

    @Test("Expect: 100-continue is answered before the body is sent")
    func continues() throws {
        let client = try server.connect()
        let body = NewEvent(id: "e").json
        let head = "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n"
        try client.send(head + "Expect: 100-continue\r\n\r\n")
        #expect(try client.readResponse().status == 100)
        try client.send(body)
        #expect(try client.readResponse().status == 201)
        // A client that does not wait for it need not be told.
        try client.send(head + "Expect: 100-continue\r\n\r\n" + body)
        var response = try client.readResponse()
        if response.status == 100 { response = try client.readResponse() }
        #expect(response.status == 200)
    }

    @Test("The verdict on the header comes instead of a 100")
    func refusesEarly() throws {
        for (path, length, status) in [
            ("/none", 10, 404), ("/healthz", 10, 405), ("/events", 17 * 1024 * 1024, 413),
        ] {
            let client = try server.connect()
            try client.send(
                "POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n"
                    + "Expect: 100-continue\r\n\r\n")
            try client.readResponse().problem(status)
        }
    }

    @Test("No other expectation is met")
    func unknownExpectation() throws {
        try server.exchange("POST", "/events", "{}", headers: [("Expect", "200-maybe")])
            .problem(417)
    }
}
