import Foundation
import TestSupport
import Testing

@Suite("Retention, end to end")
struct RetentionTests {
    @Test("What has reached its age goes at the start, and the flags say which that is")
    func byAge() throws {
        let folder = try TemporaryFolder()
        let first = try LogbookProcess(in: folder)
        func event(_ id: String, _ severity: String) -> String {
            #"{"id":"\#(id)","event_type":"a","severity":"\#(severity)","title":"t","received_at":"2000-01-01T00:00:00Z"}"#
        }
        let moved = "[\(event("old", "info")),\(event("kept", "error"))]"
        let answer = try first.exchange("POST", "/events?keep_received_at=true", moved)
        #expect(answer.text.contains("\"expired\":0,"), "\(answer.text)")
        try first.store(
            [("dump", "2000-01-01T00:00:00Z"), ("future", "2099-01-01T00:00:00Z")].map {
                NewEvent(id: $0.0, createdAt: $0.1)
            })
        try first.stop()
        let second = try LogbookProcess(in: folder, flags: ["--retain-info", "7d"])
        try second.logLine(containing: "Retention removed 1 events")
        #expect(try Set(second.walk("").map(\.id)) == ["dump", "future", "kept"])
        let schema = try second.exchange("GET", "/schema").text
        #expect(schema.contains("\"removed_by_age\":1,"))
    }
}
