import Foundation
import Testing

@Suite("Storing streams of events, one a line")
struct LineStreamTests {
    private static let type = ("Content-Type", "application/x-ndjson")
    private let bad = #"{"event_type":"x","severity":"fatal","title":"t"}"#

    private func begin(_ client: RawClient, _ fields: String = "") throws {
        try client.send(
            "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                + "Transfer-Encoding: chunked\r\n\(fields)\r\n")
    }

    private func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
    }

    private func post(_ server: LogbookProcess, _ body: String, type: String? = nil) throws
        -> RawResponse
    {
        try server.exchange(
            "POST", "/events", body, headers: [type.map { ("Content-Type", $0) } ?? Self.type])
    }

    @Test(
        "Valid events are stored, others are named by their line",
        arguments: [
            "application/x-ndjson", "application/jsonl; charset=utf-8", "Application/NDJSON",
        ])
    func mixed(_ type: String) throws {
        let server = try LogbookProcess()
        try server.store([NewEvent(id: "there", title: "before")])
        let lines = [
            NewEvent(id: "one").json, bad, "", "  \r", "{\"event_type\":", "7",
            NewEvent(id: "there", title: "other").json, NewEvent(id: "there", title: "before").json,
            NewEvent(id: "two").json + "\r", NewEvent(id: "a").json + NewEvent(id: "b").json,
            NewEvent(id: "three").json,
        ]
        for ending in ["", "\n"] {
            let response = try post(server, lines.joined(separator: "\n") + ending, type: type)
            #expect(response.status == 200, "\(response.text)")
            let summary = try response.decode(BatchSummary.self)
            #expect(summary.accepted == (ending.isEmpty ? 5 : 0))
            #expect(summary.duplicates == (ending.isEmpty ? 1 : 6))
            #expect(summary.rejected == 4)
            #expect(summary.errors.map(\.index) == [1, 4, 5, 6])
            #expect(summary.errors.map(\.status) == [422, 400, 422, 409])
            #expect(summary.errors[1].detail.contains("column"), "\(summary.errors[1])")
            #expect(summary.ids == ["one", "there", "two", "a", "b", "three"])
        }
        #expect(
            try server.walk("order=asc").map(\.id) == ["there", "one", "two", "a", "b", "three"])
    }

    @Test("Nothing usable is 422; all or nothing is not for a stream")
    func unusable() throws {
        let server = try LogbookProcess()
        let problem = try post(server, "\(bad)\n{}\n").problem(422)
        #expect(problem.pointers.first == "/0/severity")
        for body in ["", "\n \n"] { try post(server, body).problem(422) }
        let strict = try server.exchange(
            "POST", "/events?strict=true", NewEvent().json, headers: [Self.type])
        #expect(try strict.problem(400).parameters == ["strict"])
        #expect(try server.walk("").isEmpty)
    }

    @Test(
        "A stream has no bound, its memory has: 200,000 events behind a body limit of 1,000 bytes")
    func long() throws {
        let server = try LogbookProcess(flags: ["--max-body-bytes", "1000"])
        let client = try server.connect()
        try begin(client)
        let before = try server.anonymousMemory()
        var peak = before
        for block in 0..<200 {
            let lines = (0..<1000).map { NewEvent(id: "e\(block * 1000 + $0)").json + "\n" }
            try client.send(chunk(lines.joined()))
            peak = max(peak, try server.anonymousMemory())
        }
        try client.send("0\r\n\r\n")
        let summary = try client.readResponse().decode(BatchSummary.self)
        #expect(summary.accepted == 200_000)
        #expect(summary.ids.count == 1000)
        // 20 MB passed through, while SQLite's page caches filled.
        #expect(peak - before < 60_000_000, "\(before) to \(peak)")
    }

    @Test("Lines are stored as they arrive, not when the stream ends; they stay if it breaks off")
    func asTheyCome() throws {
        let server = try LogbookProcess()
        let client = try server.connect()
        try begin(client)
        let reader = try server.connect()
        for id in ["a", "b"] {
            let line = NewEvent(id: id).json
            try client.send(chunk(String(line.prefix(20))))
            try client.send(chunk(line.dropFirst(20) + "\n{\"half"))
            let deadline = Patience.deadline
            while try reader.exchange("GET", "/events/\(id)").status != 200 {
                guard Date() < deadline else { throw HarnessError("\(id) is never stored") }
                usleep(2_000)
            }
            // Ends the half line, which is invalid.
            try client.send(chunk("\n"))
        }
        server.kill()
        let again = try LogbookProcess(in: server.folder)
        #expect(try again.walk("order=asc").map(\.id) == ["a", "b"])
    }

    @Test(
        "A stream may pause between lines but not inside one; its last answer reports what was stored"
    )
    func pause() throws {
        let server = try LogbookProcess()
        let pausing = try server.connect()
        try begin(pausing)
        let slow = try server.connect()
        try begin(slow)
        try pausing.send(chunk(NewEvent(id: "a").json + "\n"))
        try slow.send(chunk(NewEvent(id: "b").json + "\n" + bad + "\n{\"half"))
        let problem = try slow.readResponse().problem(408)
        #expect(problem.detail.contains("1 events are stored"))
        let summary = try #require(problem.summary)
        #expect(summary.accepted == 1)
        #expect(summary.ids == ["b"])
        #expect(summary.errors.map(\.index) == [1, 2])
        #expect(summary.errors.map(\.status) == [422, 400])
        // The other one has paused just as long.
        try pausing.send(chunk(NewEvent(id: "c").json + "\n") + "0\r\n\r\n")
        #expect(try pausing.readResponse().decode(BatchSummary.self).ids == ["a", "c"])
    }

    @Test("A stream that breaks off, or is malformed, stores its complete lines and reports them")
    func brokenOff() throws {
        let server = try LogbookProcess()
        let line = { NewEvent(id: $0).json + "\n" }
        let cut = try server.connect()
        try begin(cut)
        try cut.send(chunk(line("a") + line("b") + "{\"half"))
        cut.finishSending()
        let malformed = try server.connect()
        try begin(malformed)
        try malformed.send(chunk(line("c")) + "no chunk\r\n")
        for (client, ids, rejected) in [(cut, ["a", "b"], 1), (malformed, ["c"], 0)] {
            let summary = try #require(try client.readResponse().problem(400).summary)
            #expect(summary.ids == ids)
            #expect(summary.rejected == rejected)
            #expect(try client.readToEnd().isEmpty)
        }
        #expect(try server.walk("order=asc").map(\.id).sorted() == ["a", "b", "c"])
    }

    @Test("Idle streams of lines hold no memory that others need")
    func idleStreams() throws {
        let server = try LogbookProcess()
        // One client may have 96 in progress at a time: half of these fit, all of them do not.
        let streams = try (0..<160).map { number in
            let client = try server.connect()
            try begin(client)
            if number % 2 == 0 { try client.send(chunk(NewEvent(id: "e\(number)").json + "\n")) }
            return client
        }
        for (number, client) in streams.enumerated() {
            try client.send(chunk(NewEvent(id: "f\(number)").json + "\n") + "0\r\n\r\n")
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test(
        "A stream that pauses makes room for another connection, with a report of what was stored")
    func displaced() throws {
        let server = try LogbookProcess(flags: ["--max-connections", "2"])
        let stream = try server.connect()
        try begin(stream)
        try stream.send(chunk(NewEvent(id: "a").json + "\n"))
        let other = try server.connect()
        let deadline = Patience.deadline
        while try other.exchange("GET", "/events/a").status != 200 {
            guard Date() < deadline else { throw HarnessError("never stored") }
            usleep(2_000)
        }
        // No longer at rest.
        try other.send("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
        #expect(try server.exchange("GET", "/healthz").status == 200)
        let problem = try stream.readResponse().problem(503)
        #expect(problem.detail.contains("1 events are stored"))
        #expect(try #require(problem.summary).ids == ["a"])
    }

    @Test("A line that is too long is refused, and the next is read")
    func longLine() throws {
        let server = try LogbookProcess()
        let long = "{\"title\":\"" + String(repeating: "x", count: 3_000_000) + "\"}"
        let body = [NewEvent(id: "one").json, long, NewEvent(id: "two").json].joined(
            separator: "\n")
        let summary = try post(server, body).decode(BatchSummary.self)
        #expect(summary.ids == ["one", "two"])
        #expect(summary.errors.map(\.index) == [1])
        #expect(summary.errors.map(\.status) == [413])
    }

    @Test("An event is stored whatever its line's length, up to the bound")
    func lineLength() throws {
        let server = try LogbookProcess()
        let description = String(repeating: "x", count: 65_536)
        let padding = String(repeating: " ", count: 900_000)
        let line = NewEvent(id: "one", description: description).json + padding
        let body = "\(line)\n\(NewEvent(id: "two").json)"
        #expect(try post(server, body).decode(BatchSummary.self).ids == ["one", "two"])
    }

    @Test("Objects that follow each other are events, whatever the type says")
    func sniffed() throws {
        let server = try LogbookProcess()
        for separator in ["\n", "", " \r\n "] {
            let ids = ["a", "b", "c"].map { "\($0)\(separator.count)" }
            let body = ids.map { NewEvent(id: $0).json }.joined(separator: separator)
            let response = try server.exchange("POST", "/events", body)
            #expect(try response.decode(BatchSummary.self).ids == ids)
        }
        // After a broken line, the next one is read.
        let broken = [
            #"{"title":"#, NewEvent(id: "e").json, "W1130 a warning of the client", #"{"id""#,
            NewEvent(id: "f").json + "}", NewEvent(id: "g").json, #"{"cut"#,
        ]
        let summary = try server.exchange("POST", "/events", broken.joined(separator: "\n"))
            .decode(BatchSummary.self)
        #expect(summary.ids == ["e", "f", "g"])
        #expect(summary.errors.map(\.status) == [400, 400, 400, 400, 400])
        #expect(summary.errors.map(\.index) == [0, 2, 3, 5, 7])
        // A single broken one has no neighbors.
        for single in [#"{"title":"#, NewEvent(id: "x").json + "}", NewEvent(id: "x").json + " x"] {
            try server.exchange("POST", "/events", single).problem(400)
        }
        let strict = NewEvent(id: "x").json + bad
        try server.exchange("POST", "/events?strict=true", strict).problem(422)
        #expect(try server.exchange("GET", "/events/x").status == 404)
    }

    @Test("A stream in progress at SIGTERM is told so, and everything reported as stored is stored")
    func shutdown() throws {
        let server = try LogbookProcess()
        let client = try server.connect()
        try begin(client)
        try client.send(chunk(NewEvent(id: "a").json + "\n"))
        let reader = try server.connect()
        let deadline = Patience.deadline
        while try reader.exchange("GET", "/events/a").status != 200 {
            guard Date() < deadline else { throw HarnessError("never stored") }
            usleep(2_000)
        }
        server.terminate()
        try server.logLine(containing: "shutting down")
        var lines = 0
        // Until the server announces its end, like a client that streams forever.
        while !client.hasInput {
            try client.send(chunk(NewEvent(id: "late-\(lines)").json + "\n"))
            lines += 1
        }
        let problem = try client.readResponse().problem(503)
        #expect(problem.detail.contains("events are stored"))
        #expect(try #require(problem.summary).accepted >= 1)
        #expect(try server.waitForExit() == 0)
    }
}
