import Foundation
import Testing

/// The cost of a live stream to everyone else.
@Suite("Beside an idle live stream", .serialized)
struct LiveStreamTests {
    private static let walBound = 8 * 1024 * 1024

    /// Opens a stream that no event will match, and makes it wait.
    private func idleStream(on server: LogbookProcess) throws -> RawClient {
        let client = try server.connect()
        try client.send(
            RawClient.request(
                "GET", "/events/stream?object_name=nobody",
                headers: [("Accept", "application/x-ndjson")]))
        try client.readSome()
        return client
    }

    @Test(
        "The WAL keeps within its bound, nothing is refused, and SIGTERM leaves no WAL",
        .ofFile(.bytes))
    func writing() throws {
        let server = try LogbookProcess(flags: [
            "--max-wal-bytes", "\(Self.walBound)", "--max-database-bytes", "\(64 << 20)",
        ])
        let streams = try (0..<4).map { _ in try idleStream(on: server) }
        let writer = try server.connect()
        let filler = String(repeating: "x", count: 4000)
        let path = server.database + "-wal"
        for round in 0..<150 {
            let events = (0..<100).map { number in
                NewEvent(id: "e\(round)-\(number)", description: filler)
            }
            let body = "[" + events.map(\.json).joined(separator: ",") + "]"
            let answer = try writer.exchange(
                "POST", "/events", body, headers: [("Content-Type", "application/json")])
            #expect(answer.status == 200, "\(round): \(answer.text)")
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            #expect(size <= Self.walBound, "after \(round) arrays")
        }
        server.terminate()
        #expect(try server.waitForExit() == 0)
        let wal = try? FileManager.default.attributesOfItem(atPath: path)
        #expect(wal?[.size] as? Int ?? 0 == 0)
        #expect(!server.log.contains("another process reads"))
        withExtendedLifetime(streams) {}
    }
}
