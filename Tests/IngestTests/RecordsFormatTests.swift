import Events
import TestSupport
import Testing

@testable import Ingest

@Suite("Plain records")
struct RecordsFormatTests {
    private func event(_ record: String) throws -> Event {
        try #require(SenderReading(.records, record).events.first)
    }

    @Test("A control character before the first record is no white space", arguments: [1, 9])
    func controls(_ pieceBytes: Int) {
        let body = Array("\u{7}\n{\"log\":\"x\"}\n".utf8)
        let reading = SenderReading(.records, body, pieceBytes: pieceBytes)
        #expect(reading.failure?.status == .unsupported && reading.outcome.count == 0)
    }

    @Test("Records of Fluent Bit: an array, one a line, one after another")
    func bodies() throws {
        let records = (0..<3).map { #"{"date":179600040\#($0).1239,"log":"line \#($0)"}"# }
        for body in [
            "[\(records.joined(separator: ","))]", records.joined(separator: "\n") + "\n",
            records.joined(), " \n" + records.joined(separator: "\r\n"),
        ] {
            for pieceBytes in [1, 7, 4096] {
                let reading = SenderReading(.records, Array(body.utf8), pieceBytes: pieceBytes)
                #expect(reading.events.map { $0.text(.title) } == ["line 0", "line 1", "line 2"])
                #expect(reading.events.first?.text(.createdAt) == "2026-11-30T01:00:00.123Z")
                #expect(reading.outcome.rejected == 0)
            }
        }
    }

    @Test("Fields under their usual names; all else stays in metadata under its own")
    func fields() throws {
        let vector = try event(
            #"{"timestamp":"2026-11-30T02:36:27.5+01:00","message":"no route\nto db","level":"WARN","kubernetes":{"pod_namespace":"shop","pod_name":"web-0"},"n":12345678901234567890,"x":1.10}"#
        )
        #expect(vector.text(.title) == "no route")
        #expect(vector.text(.description) == "no route\nto db")
        #expect(vector.text(.severity) == "warning")
        #expect(vector.text(.objectKind) == "Pod")
        #expect(vector.text(.objectNamespace) == "shop")
        #expect(vector.text(.createdAt) == "2026-11-30T01:36:27.500Z")
        #expect(
            vector.metadata
                == #"{"timestamp":"2026-11-30T02:36:27.5+01:00","level":"WARN","kubernetes":{"pod_namespace":"shop","pod_name":"web-0"},"n":12345678901234567890,"x":1.10,"source":"records"}"#
        )
        let filebeat = try event(
            #"{"@timestamp":"2026-11-30T01:00:00Z","message":"m","log":{"level":"error"},"host":{"name":"n1"}}"#
        )
        #expect(filebeat.text(.severity) == "error")
        #expect(filebeat.text(.objectKind) == "Host")
        #expect(filebeat.text(.objectName) == "n1")
        #expect(filebeat.text(.eventType) == "system")
        let journal = try event(
            #"{"MESSAGE":"m","PRIORITY":"2","_HOSTNAME":"n2","source":"own","log.level":"err"}"#)
        #expect(journal.text(.severity) == "error")
        #expect(journal.metadata.hasSuffix(#""source":"own","log.level":"err"}"#))
    }

    @Test(
        "Levels",
        arguments: [
            ("\"emerg\"", "critical"), ("3", "error"), ("50", "error"), ("\"60\"", "critical"),
            ("\"Information\"", "info"), ("9", "info"), ("\"what\"", "info"), ("null", "info"),
        ])
    func levels(_ level: String, _ severity: String) throws {
        #expect(try event(#"{"log":"x","level":\#(level)}"#).text(.severity) == severity)
    }

    @Test(
        "Times",
        arguments: [
            ("1796000400", "2026-11-30T01:00:00.000Z"),
            ("1796000400.0019", "2026-11-30T01:00:00.001Z"),
            ("1796000400123", "2026-11-30T01:00:00.123Z"),
            ("1796000400123456", "2026-11-30T01:00:00.123Z"),
            ("1796000400123456789", "2026-11-30T01:00:00.123Z"),
            ("\"1796000400.5\"", "2026-11-30T01:00:00.500Z"),
            ("\"2026-11-30 01:00:00.25\"", "2026-11-30T01:00:00.250Z"),
            ("\"2026-11-30T01:00:00\"", "2026-11-30T01:00:00.000Z"),
            ("\"2026-11-30 01:00:00+01:00\"", "2026-11-30T00:00:00.000Z"),
        ])
    func times(_ time: String, _ stored: String) throws {
        #expect(try event(#"{"log":"x","time":\#(time)}"#).text(.createdAt) == stored)
    }

    @Test(
        "What is no time is none",
        arguments: [
            "0", "-1", "1e9", "99999999999999999999", "\"soon\"", "\"0001-01-01T00:00:00Z\"",
            "\"2026-13-30T01:00:00Z\"", "\"2026-é\"", "true", "{}", "null",
            "\"2026-11-30é01:00:00\"",
        ])
    func noTimes(_ time: String) throws {
        let event = try event(#"{"log":"x","time":\#(time)}"#)
        #expect(event.text(.createdAt) == testMoment.text)
        #expect(event.text(.id)?.hasPrefix("evt_") == true)
    }

    @Test("A key more is no reason to lose an event with Logbook's own fields")
    func native() throws {
        let event = try event(
            #"{"date":1796000400.123,"log":"x","id":"a-1","event_type":"cluster","severity":"critical","title":"T","object_kind":"Node","object_name":"n","metadata":{"a":1},"reason":"R","cluster":"c"}"#
        )
        #expect(event.text(.id) == "a-1")
        #expect(event.text(.eventType) == "cluster")
        #expect(event.text(.severity) == "critical")
        #expect(event.text(.title) == "T")
        #expect(event.text(.objectName) == "n")
        #expect(event.text(.cluster) == "c")
        #expect(event.text(.description) == "x")
        #expect(event.metadata == #"{"a":1,"date":1796000400.123,"source":"records"}"#)
    }

    @Test("An Event of Kubernetes has the id that it has on every way in")
    func kubernetes() throws {
        let json =
            #"{"date":1,"kind":"Event","metadata":{"uid":"u","resourceVersion":"7"},"reason":"R"}"#
        #expect(try event(json).text(.id) == "k8s:core:u:7")
        #expect(try event(#"{"type":"ADDED","object":\#(json)}"#).text(.id) == "k8s:core:u:7")
        #expect(try event(#"{"kind":"Event","log":"x"}"#).text(.title) == "x")
        #expect(SenderReading(.records, #"{"type":"DELETED","object":\#(json)}"#).events.isEmpty)
    }

    @Test("Equal records of a request are different events; sent again, they are the same")
    func repeats() {
        let record = #"{"date":1796000400.1,"log":"x"}"#
        let body = [record, record, #"{"date":1796000400.1,"log":"y"}"#, record].joined(
            separator: "\n")
        let ids = SenderReading(.records, body).events.compactMap { $0.text(.id) }
        #expect(Set(ids).count == 4)
        #expect(ids[1] == ids[0] + ":2" && ids[3] == ids[0] + ":3")
        #expect(SenderReading(.records, body).events.compactMap { $0.text(.id) } == ids)
        let timeless = SenderReading(.records, #"{"log":"x"}{"log":"x"}"#).events
        #expect(timeless.allSatisfy { $0.text(.id)?.hasPrefix("evt_") == true })
    }

    @Test("A bad record costs its neighbors nothing")
    func neighbors() {
        let good = #"{"log":"x"}"#
        let bad = [#"{"log":"#, "{\"a\":1,\"a\":2}", "7x", "\"text\""]
        let body = bad.map { "\(good)\n\($0)\n" }.joined() + good
        let reading = SenderReading(.records, body)
        #expect(reading.events.count == 5)
        #expect(reading.outcome.rejected == 4)
        #expect(SenderReading(.records, "[\(good),7,\(good)").outcome.rejected == 2)
        #expect(SenderReading(.records, "x=1").failure?.status == .unsupported)
        #expect(SenderReading(.records, " ").failure?.status == .malformed)
        let bytes = Array(#"{"log":"caf"#.utf8) + [0xE9] + Array(#"","s":"\ud800"}"#.utf8)
        #expect(SenderReading(.records, bytes).events.first?.text(.title) == "caf\u{FFFD}")
    }

    @Test("A record without a message has itself as title, and one too long is refused")
    func odd() throws {
        #expect(try event(#"{"a":1, "b":[2]}"#).text(.title) == #"{"a":1,"b":[2]}"#)
        #expect(try event(#"{"a":1,"reason":"R"}"#).text(.title) == "R")
        let long = #"{"log":"\#(String(repeating: "x", count: 1 << 20))"}"#
        let reading = SenderReading(.records, long + "\n" + #"{"log":"x"}"#)
        #expect(reading.events.count == 1 && reading.outcome.rejected == 1)
        let deep =
            #"{"log":"x","deep":\#(String(repeating: "[", count: 100))\#(String(repeating: "]", count: 100))}"#
        let cut = try event(deep)
        #expect(cut.metadata == #"{"source":"records","truncated":["metadata"]}"#)
        let own = try event(
            #"{"log":"x","truncated":"no","deep":\#(String(repeating: "[", count: 100))\#(String(repeating: "]", count: 100))}"#
        )
        #expect(own.metadata.contains(#""truncated":"no""#))
        #expect(own.metadata.contains(#""logbook.truncated":["metadata"]"#))
    }

    @Test("Memory does not grow with the number of records")
    func pieces() {
        let body = String(repeating: #"{"log":"x"}"#, count: 50_000)
        let reading = SenderReading(.records, body)
        #expect(reading.outcome.accepted == 50_000)
        #expect(reading.largestPiece < 2 << 20)
    }
}
