import Foundation
import TestSupport
import Testing

/// Pages of the database file are overwritten while a server runs. No answer is wrong, nothing more
/// is stored, and the service stays ready as long as its newest event is readable.
@Suite("A damaged page", .ofFile(.content))
struct DamagedPageTests {
    private static let pageBytes = 4096

    /// A server with events in many pages, none of them in a cache.
    private func makeServer() throws -> LogbookProcess {
        let folder = try TemporaryFolder()
        let first = try LogbookProcess(in: folder)
        for start in stride(from: 0, to: 2_000, by: 500) {
            try first.store(
                (start..<start + 500).map { number in
                    NewEvent(
                        id: "id-\(number)", description: String(repeating: "word ", count: 60),
                        createdAt: "2026-01-01T00:\(10 + number / 60):\(10 + number % 60 / 2)Z")
                })
        }
        try first.stop()
        return try LogbookProcess(in: folder)
    }

    /// The pages of the table of events, from the oldest to the newest.
    private func leaves(_ server: LogbookProcess) throws -> [Int] {
        try Command.sqlite(
            server.database,
            "SELECT pageno FROM dbstat WHERE name = 'events' AND pagetype = 'leaf' ORDER BY path"
        ).compactMap { Int($0) }
    }

    private func overwrite(_ pages: some Sequence<Int>, of server: LogbookProcess) throws {
        let file = try FileHandle(forUpdating: URL(filePath: server.database))
        for page in pages {
            try file.seek(toOffset: UInt64((page - 1) * Self.pageBytes))
            try file.write(contentsOf: Data(repeating: 0xA5, count: Self.pageBytes))
        }
        try file.close()
    }

    private func expectNothingStored(_ server: LogbookProcess) throws {
        let refusal = try server.post(NewEvent(id: "new").json).problem(503)
        #expect(refusal.detail.contains("the database file is damaged"))
        #expect(try server.exchange("DELETE", "/events/id-1999").status == 503)
        let metrics = try server.exchange("GET", "/metrics").text
        #expect(metrics.contains("logbook_writable 0"))
        #expect(metrics.contains("logbook_database_damaged 1"))
    }

    @Test("An old page: the rest is served, nothing is stored, and readiness says why")
    func old() throws {
        let server = try makeServer()
        try overwrite(leaves(server).prefix(20), of: server)
        let client = try server.connect()
        #expect(try client.exchange("GET", "/events/id-0").status == 500)
        #expect(try client.exchange("GET", "/events/id-1999").status == 200)
        #expect(try client.exchange("GET", "/events?limit=5").status == 200)
        try expectNothingStored(server)
        let ready = try client.exchange("GET", "/readyz")
        #expect(ready.status == 200)
        #expect(
            ready.text
                == #"{"status":"ready","writable":false,"detail":"Events are refused: the database file is damaged."}"#
                + "\n")
        let check = try Command(BuiltProgram.path, ["check", "--database", server.database])
        #expect(check.status == 1, "\(check.output)")
    }

    @Test("The newest page: the service is not ready any more")
    func newest() throws {
        let server = try makeServer()
        try overwrite(leaves(server).suffix(20), of: server)
        let client = try server.connect()
        #expect(try client.exchange("GET", "/events/id-1999").status == 500)
        let deadline = Patience.deadline
        var ready = try client.exchange("GET", "/readyz")
        while ready.status == 200, Date() < deadline {
            usleep(10_000)  // There is no event to wait for: only asking tells.
            ready = try client.exchange("GET", "/readyz")
        }
        #expect(try ready.problem(503).detail.contains("the newest event cannot be read"))
        #expect(try client.exchange("GET", "/metrics").text.contains("logbook_ready 0"))
        try expectNothingStored(server)
    }
}
