import Foundation
import Testing

@Suite("Ending and starting again", .serialized)
struct ShutdownTests {
    private func ids(in database: String) throws -> [String] {
        try Command.sqlite(database, "SELECT id FROM events ORDER BY seq")
    }

    @Test("After SIGTERM under load every acknowledged event is in the file, and there is no WAL")
    func terminated() throws {
        let server = try LogbookProcess()
        let crowd = try PostingCrowd(of: 32, prefix: "t", to: server)
        try crowd.awaitAcknowledged(1_000)
        // Whoever reads holds the file open, too.
        for _ in 0..<4 { #expect(try server.exchange("GET", "/events").status == 200) }
        server.terminate()
        #expect(try server.waitForExit() == 0)
        let record = try crowd.awaitEnd()
        #expect(record.unexpected.isEmpty, "only 2xx and 503")

        let wal = try? FileManager.default.attributesOfItem(atPath: server.database + "-wal")
        #expect(wal?[.size] as? Int ?? 0 == 0)
        // The file alone, as a copy of it would be.
        let copy = server.folder.file("copy.db")
        try FileManager.default.copyItem(atPath: server.database, toPath: copy)
        let stored = try ids(in: copy)
        #expect(Set(stored).count == stored.count)
        #expect(Set(record.acknowledged).isSubset(of: stored))
        #expect(try Command.sqlite(copy, "PRAGMA integrity_check") == ["ok"])

        let again = try LogbookProcess(in: server.folder)
        try again.logLine(containing: "Using existing database with schema version 3")
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
        try second.logLine(containing: "Using existing database with schema version 3")
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

    @Test("Killed at any moment, nothing acknowledged is lost and nothing is there twice")
    func killed() throws {
        let folder = try TemporaryFolder()
        var acknowledged: Set<String> = []
        for round in 0..<5 {
            let server = try LogbookProcess(in: folder)
            let found = try server.walk("limit=1000").map(\.id)
            #expect(Set(found).count == found.count, "round \(round)")
            #expect(acknowledged.isSubset(of: found), "round \(round)")
            let crowd = try PostingCrowd(of: 16, prefix: "r\(round)", to: server)
            try crowd.awaitAcknowledged(100 + 70 * round)
            server.kill()
            let record = try crowd.awaitEnd()
            #expect(record.unexpected.isEmpty)
            acknowledged.formUnion(record.acknowledged)
        }
        let server = try LogbookProcess(in: folder)
        let found = try server.walk("limit=1000")
        #expect(acknowledged.isSubset(of: found.map(\.id)))
        #expect(Set(found.map(\.seq)).count == found.count)
        // Sent again, each is known: the client that got no answer can go on.
        for id in acknowledged.prefix(20) {
            let name = id.split(separator: "-").dropLast().joined(separator: "-")
            #expect(try server.post(NewEvent(id: id, objectName: name).json).status == 200)
        }
        try server.stop()
        #expect(try Command.sqlite(server.database, "PRAGMA integrity_check") == ["ok"])
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
        // The log may be a moment ahead.
        while unready.status == 200 { unready = try probe.exchange("GET", "/readyz") }
        let problem = try unready.problem(503)
        #expect(problem.detail.contains("shutting down"))
        #expect(unready.header("Retry-After").flatMap { Int($0) } != nil)
        // Before the listener closes traffic still comes, and is served.
        #expect(try server.post(NewEvent(id: "late").json).status == 201)
        // An idle connection is closed when the listener is; the one in a request is waited for.
        #expect(try probe.readToEnd().isEmpty)
        try slow.send(body)
        let stored = try slow.readResponse()
        #expect(stored.status == 201)
        #expect(stored.header("Connection") == "close")
        #expect(try server.waitForExit() == 0)
        #expect(try ids(in: server.database) == ["late", "slow"])
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

    @Test("A second signal ends it at once")
    func secondSignal() throws {
        let server = try LogbookProcess(flags: ["--shutdown-delay", "3000"])
        try server.post(NewEvent(id: "e").json)
        server.terminate()
        try server.logLine(containing: "shutting down")
        server.terminate()
        #expect(try server.waitForExit() == 1)
        let again = try LogbookProcess(in: server.folder)
        #expect(try again.exchange("GET", "/events/e").status == 200)
    }
}
