import Foundation
import Testing

@Suite("Retention, end to end")
struct RetentionTests {
    @Test("What has reached its age goes at the start, and the flags say which that is")
    func byAge() throws {
        let folder = try TemporaryFolder()
        let first = try LogbookProcess(in: folder)
        try first.store(
            [("old", "2000-01-01T00:00:00Z"), ("future", "2099-01-01T00:00:00Z")].map {
                NewEvent(id: $0.0, createdAt: $0.1)
            } + [NewEvent(id: "kept", severity: "error", createdAt: "2000-01-01T00:00:00Z")]
                + [NewEvent(id: "now")])
        try first.stop()
        let second = try LogbookProcess(in: folder, flags: ["--retain-info", "7d"])
        try second.logLine(containing: "Retention removed 1 events")
        #expect(try Set(second.walk("").map(\.id)) == ["future", "kept", "now"])
        let schema = try second.exchange("GET", "/schema").text
        #expect(schema.contains("\"removed_by_age\":1,"))
    }
}
