import Foundation
import TestSupport
import Testing

/// A file of the largest events, whose words multiply: in camel case, with numbers after them.
/// Slices of background work are bounded by bytes, so starting with it takes no more memory than
/// with any other.
@Suite("A file of the largest events")
struct LargestEventsTests {
    private static let count = 60

    /// 250 KB of metadata with words that no other event has.
    private static func metadata(_ number: Int) -> String {
        var text = "{\"text\":\""
        var word = 0
        while text.utf8.count < 249_900 {
            text += "AaBbCcDdEeFfGgHhIiJjKkLlMmNn\(number)X\(word)Yy \(word % 1000) "
            word += 1
        }
        return text + "\",\"last\":\"lastword\(number)\"}"
    }

    @Test(
        "A start within 512 MiB of data survives, indexes all, and finds each by its last word",
        .ofFile(.memory))
    func start() throws {
        let folder = try TemporaryFolder()
        let first = try LogbookProcess(in: folder)
        let client = try first.connect()
        for number in 0..<Self.count {
            let body = """
                {"id":"e\(number)","event_type":"cluster","severity":"info","title":"t",\
                "metadata":\(Self.metadata(number))}
                """
            #expect(try client.exchange("POST", "/events", body).status == 201)
        }
        first.kill()

        // A sanitizer's memory is not the program's data.
        let isSanitized = ProcessInfo.processInfo.environment["LOGBOOK_SANITIZER"] != nil
        let server = try LogbookProcess(
            in: folder, flags: ["--query-timeout", "300"], dataBytes: isSanitized ? nil : 512 << 20)
        try awaitIndex(server)
        #expect(try server.peakMemory() < 256 << 20)
        for number in [0, 1, Self.count - 1] {
            let found = try server.walk("q=lastword\(number)&limit=10").map(\.id)
            #expect(found == ["e\(number)"])
        }
        let deletion = try server.exchange("DELETE", "/events?event_type=cluster")
        #expect(deletion.text.contains("\"deleted\":\(Self.count)"), "\(deletion.text)")
        #expect(try server.peakMemory() < 256 << 20)
        try server.stop()
    }

    /// Waits until the search index has caught up.
    private func awaitIndex(_ server: LogbookProcess) throws {
        let client = try server.connect()
        let deadline = Patience.deadline
        while true {
            // It is also 0 before the first measurement.
            let hasLooked = try client.exchange("GET", "/schema").text.contains("\"indexing\":")
            let metrics = try client.exchange("GET", "/metrics").text
            if hasLooked, metrics.contains("\nlogbook_search_lag_events 0\n") { return }
            guard Date() < deadline else { throw HarnessError("not indexed: \(server.log)") }
            usleep(10_000)  // There is no event to wait for: only asking tells.
        }
    }
}
