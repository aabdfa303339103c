import Events
import Foundation
import TestSupport
import Testing

@testable import Ingest

@Suite("Loki's push")
struct LokiFormatTests {
    /// A PushRequest of Google's protobuf library, compressed by the Rust crate snap.
    private static let push = Array(
        Data(
            base64Encoded:
                "sALwZQqVAQoue25hbWVzcGFjZT0ic2hvcCIsIHBvZD0id2ViLTAiLCBsZXZlbD0iZXJyb3IifRJPCgsIkJWz2AYQlZrvOhIubm8gcm91dGUgdG8gZGIsIG5vIHJvdXRlIHRvIGRiLCBuby4QAFwaEAoIdHJhY2VfaWQSBDViOGUSEAoGCJEBUSQSBnNlY29uZBgHAZhMDHtqb2I9ImFcImIifRKEAQoGCJIFJgB6AbAAPQWe8G8ga2luZD1Qb2Qgb2JqZWN0QVBJdmVyc2lvbj12MSB0eXBlPVdhcm5pbmcgcmVhc29uPUJhY2tPZmYgY291bnQ9NSBtc2c9IkJhY2stb2ZmIFwicmVzdGFydGluZ1wiIGZhaWxlZCBjb250YWluZXIi"
        )!)
    private static let protobuf = [(name: "Content-Type", value: "application/x-protobuf")]

    private func reading(_ body: [UInt8]) -> SenderReading {
        SenderReading(.loki, body, headers: Self.protobuf)
    }

    @Test("A push in protobuf")
    func protobuf() throws {
        let reading = reading(Self.push)
        #expect(reading.failure == nil && reading.outcome.accepted == 3)
        #expect(reading.answer?.status == 204)
        let first = try #require(reading.events.first)
        #expect(first.text(.title) == "no route to db, no route to db, no route to db")
        #expect(first.text(.severity) == "error")
        #expect(first.text(.objectKind) == "Pod")
        #expect(first.text(.objectNamespace) == "shop")
        #expect(first.text(.objectName) == "web-0")
        #expect(first.text(.createdAt) == "2026-11-30T01:00:00.123Z")
        #expect(
            first.metadata
                == #"{"trace_id":"5b8e","level":"error","namespace":"shop","pod":"web-0","timestamp":"1796000400123456789","source":"loki"}"#
        )
        #expect(reading.events[1].text(.createdAt) == "2026-11-30T01:00:01.000Z")
        // Alloy's loki.source.kubernetes_events.
        let event = reading.events[2]
        #expect(event.text(.title) == #"BackOff: Back-off "restarting" failed container"#)
        #expect(event.text(.eventType) == "cluster")
        #expect(event.text(.severity) == "warning")
        #expect(event.text(.objectKind) == "Pod")
        #expect(event.text(.objectName) == "web-0")
        #expect(event.text(.reason) == "BackOff")
        #expect(event.metadata.contains(#""job":"a\"b""#))
    }

    @Test("The same push in JSON gives the same events")
    func json() {
        let line = "no route to db, no route to db, no route to db"
        let reading = SenderReading(
            .loki,
            #"{"streams":[{"stream":{"pod":"web-0","namespace":"shop","level":"error"},"values":[["1796000400123456789","\#(line)",{"trace_id":"5b8e"}]]}]}"#
        )
        let other = self.reading(Self.push).events[0]
        #expect(reading.events.map { $0.text(.id) } == [other.text(.id)])
        #expect(reading.events.map(\.metadata) == [other.metadata])
    }

    @Test(
        "A line may tell its own level and message",
        arguments: [
            (#"{\"level\":\"warn\",\"msg\":\"slow\"}"#, "warning", "slow"),
            (#"level=error msg=\"a \\\"b\\\" c\" x=1"#, "error", #"a "b" c"#),
            (#"ts=1 severity=crit message=down"#, "critical", "down"),
            ("plain level=error", "info", "plain level=error"),
            (#"{\"level\":"#, "info", #"{"level":"#),
            (#"msg=\"open"#, "info", #"msg="open"#),
        ])
    func lines(_ line: String, _ severity: String, _ title: String) throws {
        let reading = SenderReading(
            .loki,
            #"{"streams":[{"stream":{"host":"n1"},"values":[["1796000400000000000","\#(line)"]]}]}"#
        )
        let event = try #require(reading.events.first)
        #expect(event.text(.severity) == severity)
        #expect(event.text(.title) == title)
        #expect(event.text(.objectKind) == "Host")
    }

    @Test("An entry that is none costs only itself; a push that is none is refused")
    func refused() {
        let body =
            #"{"streams":[7,{"stream":{},"values":[["x","a"],["1","b"],[1,"c"],["1"],["1","d","e"],["-1","f"],["1796000400000000000","ok",{}]]},{"values":[]}]}"#
        let reading = SenderReading(.loki, body)
        #expect(reading.outcome.accepted == 2 && reading.outcome.rejected == 7)
        #expect(reading.answer?.status == 204)
        // A time that no event can have is none.
        #expect(reading.events.map { $0.text(.title) } == ["b", "ok"])
        for body in ["{}", "[]", #"{"streams":{}}"#] {
            #expect(SenderReading(.loki, body).failure?.status == .invalid)
        }
        #expect(SenderReading(.loki, #"{"streams":[7]}"#).answer == nil)
        #expect(SenderReading(.loki, #"{"streams":[]}"#).answer?.status == 204)
    }

    @Test("A body in protobuf may end anywhere, and any byte may be another")
    func broken() {
        for count in 0..<Self.push.count {
            let reading = reading(Array(Self.push.prefix(count)))
            #expect(reading.failure?.status == .malformed, "\(count)")
        }
        var random = SeededGenerator(seed: 18)
        for _ in 0..<20_000 {
            var body = Self.push
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                body[Int.random(in: 0..<body.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            for event in reading(body).events { #expect(event.text(.title)?.isEmpty == false) }
        }
    }

    @Test("A block that announces or makes too much is refused")
    func bombs() {
        // 4 GiB of a body of five bytes; 17 MiB of copies.
        #expect(reading([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]).failure?.status == .tooLarge)
        let copies = Array(repeating: [0xFE, 0x01, 0x00] as [UInt8], count: 17 << 14).joined()
        #expect(
            reading([0x81, 0x80, 0xC0, 0x08, 0x00, 0x61] + copies).failure?.status == .tooLarge)
        // As much as it announces, and no more.
        #expect(
            reading([0x41, 0x00, 0x61, 0xFE, 0x01, 0x00, 0x00, 0x61]).failure?.status == .malformed)
        #expect(reading([0x04, 0x00, 0x61, 0x05, 0x00]).failure?.status == .malformed)
        #expect(reading([0x05, 0x00, 0x61, 0x01, 0x02]).failure?.status == .malformed)
    }

    @Test("Labels cost their bytes once, however many lines they have")
    func longLabels() {
        let label = String(repeating: "x", count: 1 << 20)
        let lines = (0..<20_000).map { #"["\#($0)","a"]"# }.joined(separator: ",")
        let reading = SenderReading(
            .loki, #"{"streams":[{"stream":{"a":"\#(label)"},"values":[\#(lines)]}]}"#)
        #expect(reading.outcome.accepted == 20_000)
        #expect(reading.events.allSatisfy { $0.metadata.contains("shared_truncated") })
    }

    @Test("What lines share is repeated for at most 128 MiB")
    func repeated() {
        let label = String(repeating: "x", count: 15_000)
        let lines = (0..<10_000).map { #"["\#($0)","a"]"# }.joined(separator: ",")
        let reading = SenderReading(
            .loki, #"{"streams":[{"stream":{"a":"\#(label)"},"values":[\#(lines)]}]}"#)
        #expect(reading.events.count == 10_000)
        #expect(reading.events[0].metadata.contains(label))
        #expect(
            reading.events.reduce(0) { $0 + $1.metadata.utf8.count }
                < SenderBatch.mostRepeated + 10_000 * 200)
        #expect(reading.events[9_999].metadata.contains(#""shared_truncated":true"#))
    }

    @Test(
        "Labels as a text",
        arguments: [
            ("{}", 0), (#"{a="b"}"#, 1), (#" { a = "b\\\"\n" , c="" } "#, 2), (#"{a="b",}"#, 1),
            ("", nil), ("{", nil), (#"{a=}"#, nil), (#"{a="b}"#, nil), (#"{a="b"}x"#, nil),
            (#"{="b"}"#, nil), (#"{a="b" c="d"}"#, nil), (#"{a="\"#, nil),
        ] as [(String, Int?)])
    func labels(_ text: String, _ count: Int?) {
        #expect(LabelText.pairs(text)?.count == count)
    }
}
