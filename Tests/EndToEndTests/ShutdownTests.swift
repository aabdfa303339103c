import Foundation
import TestSupport
import Testing

@Suite("Ending and starting again", .serialized)
struct ShutdownTests {
    private func ids(in database: String) throws -> [String] {
        try Command.sqlite(database, "SELECT id FROM events ORDER BY seq")
    }

    @Test(
        "After SIGTERM under load every acknowledged event is in the file, and there is no WAL",
        .ofFile(.disk),
        arguments: [false, true])
    func terminated(isSecure: Bool) throws {
        let folder = try TemporaryFolder()
        let flags = isSecure ? try Certificates(in: folder).flags : []
        let server = try LogbookProcess(in: folder, flags: flags)
        let crowd = try PostingCrowd(of: 64, prefix: "t", to: server, isSecure: isSecure)
        try crowd.awaitAcknowledged(1_000)
        // Readers hold the file open too.
        for _ in 0..<4 { #expect(try server.exchange("GET", "/events").status == 200) }
        server.terminate()
        #expect(try server.waitForExit() == 0)
        let record = try crowd.awaitEnd()
        #expect(record.unexpected.isEmpty, "only 2xx and 503")
        #expect(record.cutShort == 0)
        #expect(record.reset == 0)

        let wal = try? FileManager.default.attributesOfItem(atPath: server.database + "-wal")
        #expect(wal?[.size] as? Int ?? 0 == 0)
        // Only the file, as in a plain copy of it.
        let copy = server.folder.file("copy.db")
        try FileManager.default.copyItem(atPath: server.database, toPath: copy)
        let stored = try ids(in: copy)
        #expect(Set(stored).count == stored.count)
        #expect(Set(record.acknowledged).isSubset(of: stored))
        #expect(try Command.sqlite(copy, "PRAGMA integrity_check") == ["ok"])

        let again = try LogbookProcess(in: server.folder)
        try again.logLine(containing: "Using existing database with schema version 2")
        #expect(try again.walk("limit=1000&order=asc").map(\.id).sorted() == stored.sorted())
    }

    @Test("The first start says what it made, and the second what it found")
    func startMessages() throws {
        let first = try LogbookProcess()
        try first.logLine(containing: "Database initialized successfully with schema version 1")
        #expect(!first.log.contains("Using existing database"))
        let stored = try first.post(NewEvent(id: "e").json)
        try first.stop()
        #expect(first.log.contains("Shut down"))
        let second = try LogbookProcess(in: first.folder)
        try second.logLine(containing: "Using existing database with schema version 2")
        #expect(!second.log.contains("initialized"))
        #expect(try second.exchange("GET", "/events/e").text == stored.text)
        #expect(
            try Command.sqlite(first.database, "SELECT version, description FROM schema_version")
                .first == "1|Initial schema with events table")
    }

    @Test("SIGINT ends it in order, too")
    func interrupted() throws {
        let server = try LogbookProcess()
        try server.post(NewEvent(id: "e").json)
        server.interrupt()
        #expect(try server.waitForExit() == 0)
        #expect(try ids(in: server.database) == ["e"])
    }

    @Test("While it shuts down /readyz is 503, requests in flight are finished, and then it ends")
    func drained() throws {
        let server = try LogbookProcess(flags: ["--shutdown-delay", "1"])
        let probe = try server.connect()
        #expect(try probe.exchange("GET", "/readyz").status == 200)
        let slow = try server.connect()
        let body = NewEvent(id: "slow").json
        try slow.send(
            "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        server.terminate()
        try server.logLine(containing: "shutting down")
        var unready = try probe.exchange("GET", "/readyz")
        // The log may be slightly ahead.
        while unready.status == 200 { unready = try probe.exchange("GET", "/readyz") }
        let problem = try unready.problem(503)
        #expect(problem.detail.contains("shutting down"))
        #expect(unready.header("Retry-After").flatMap { Int($0) } != nil)
        // Before the listener closes, requests still arrive and are served.
        #expect(try server.post(NewEvent(id: "late").json).status == 201)
        // An idle connection is closed with the listener; one in a request is waited for.
        #expect(try probe.readToEnd().isEmpty)
        try slow.send(body)
        let stored = try slow.readResponse()
        #expect(stored.status == 201)
        #expect(stored.header("Connection") == "close")
        #expect(try server.waitForExit() == 0)
        #expect(try ids(in: server.database) == ["late", "slow"])
    }

    @Test("Each idle connection is closed, with an alert under TLS")
    func idle() throws {
        let folder = try TemporaryFolder()
        let server = try LogbookProcess(in: folder, flags: Certificates(in: folder).flags)
        let clients = [try server.connect(), try server.connectSecurely()]
        for client in clients { #expect(try client.exchange("GET", "/healthz").status == 200) }
        let silent = [try server.connect(), try server.connectSecurely()]
        server.terminate()
        for client in clients + silent {
            #expect(try client.readToEnd().isEmpty)
            #expect(client.hasEnded)
        }
        #expect(try server.waitForExit() == 0)
    }

    @Test(
        "Whatever clients stay connected, SIGTERM ends it long before --shutdown-timeout, without a WAL"
    )
    func stalled() throws {
        let server = try LogbookProcess(flags: ["--shutdown-timeout", "3000"])
        let text = String(repeating: "d", count: 60_000)
        for block in 0..<10 {
            try server.store((0..<10).map { NewEvent(id: "e\(block)-\($0)", description: text) })
        }
        var clients: [RawClient] = []
        func connect(isNarrow: Bool = false, _ request: String) throws {
            let client = try RawClient(port: server.port, isNarrow: isNarrow)
            try client.send(request)
            clients.append(client)
        }
        try connect("GET /events/stream HTTP/1.1\r\nHost: h\r\n\r\n")
        try connect(isNarrow: true, "GET /events/export HTTP/1.1\r\nHost: h\r\n\r\n")
        try connect(isNarrow: true, "GET /events?limit=1000 HTTP/1.1\r\nHost: h\r\n\r\n")
        for client in clients { try client.readSome() }
        try connect("POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        let lines = "POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\n"
        try connect("\(lines)Content-Length: 1000\r\n\r\n\(NewEvent(id: "line").json)\n")
        try connect("\(lines)Content-Length: 1000\r\n\r\n{\"half")
        try connect("GET /events HTT")
        try connect("")
        while try server.exchange("GET", "/events/line").status != 200 { usleep(2_000) }
        server.terminate()
        #expect(try server.waitForExit() == 0)
        let wal = try? FileManager.default.attributesOfItem(atPath: server.database + "-wal")
        #expect(wal?[.size] as? Int ?? 0 == 0)
        #expect(!server.log.contains("Connections were closed"))
        let summary = try #require(try clients[4].readResponse().problem(503).summary)
        #expect(summary.ids == ["line"])
        withExtendedLifetime(clients) {}
    }

    @Test("Who never finishes is not waited for longer than --shutdown-timeout")
    func impatient() throws {
        let server = try LogbookProcess(flags: ["--shutdown-timeout", "0.1"])
        let stuck = try server.connect()
        try stuck.send("POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        try server.post(NewEvent(id: "e").json)
        server.terminate()
        #expect(try server.waitForExit() == 0)
        #expect(try ids(in: server.database) == ["e"])
    }

    @Test("A second signal ends it at once, and loses nothing acknowledged")
    func secondSignal() throws {
        let server = try LogbookProcess(flags: ["--shutdown-delay", "3000"])
        let crowd = try PostingCrowd(of: 64, prefix: "s", to: server)
        try crowd.awaitAcknowledged(500)
        server.terminate()
        try server.logLine(containing: "shutting down")
        // Requests arrive and are served until the listener closes.
        try crowd.awaitAcknowledged(1_500)
        // Only a second signal that comes at least a second later counts.
        let end = Date() + 1
        while Date() < end { usleep(20_000) }
        server.terminate()
        #expect(try server.waitForExit() == 1)
        let record = try crowd.awaitEnd()
        #expect(record.unexpected.isEmpty)
        let again = try LogbookProcess(in: server.folder)
        #expect(try Set(record.acknowledged).isSubset(of: again.walk("limit=1000").map(\.id)))
    }

    @Test("Two signals within a second are one")
    func doubledSignal() throws {
        let server = try LogbookProcess(flags: ["--shutdown-delay", "2"])
        try server.post(NewEvent(id: "e").json)
        server.terminate()
        try server.logLine(containing: "shutting down")
        server.terminate()
        server.interrupt()
        #expect(try server.waitForExit() == 0)
        #expect(try ids(in: server.database) == ["e"])
    }

    @Test("SIGHUP under load drops nothing", arguments: [false, true])
    func hungUp(isSecure: Bool) throws {
        let folder = try TemporaryFolder()
        let flags = isSecure ? try Certificates(in: folder).flags : []
        let server = try LogbookProcess(in: folder, flags: flags)
        let crowd = try PostingCrowd(of: 64, prefix: "h", to: server, isSecure: isSecure)
        for round in 1...20 {
            try crowd.awaitAcknowledged(100 * round)
            server.hangUp()
        }
        // Earlier connections are still served.
        try crowd.awaitAcknowledged(4_000)
        #expect(crowd.runningCount == 64)
        try server.stop()
        let record = try crowd.awaitEnd()
        #expect(record.unexpected.isEmpty)
        #expect(record.cutShort == 0)
        #expect(record.reset == 0)
        #expect(try Set(record.acknowledged).isSubset(of: ids(in: server.database)))
    }
}
