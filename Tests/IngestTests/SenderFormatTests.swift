import Events
import JSON
import TestSupport
import Testing

@testable import Ingest

/// What holds for every format of other programs.
@Suite("Formats of other programs")
struct SenderFormatTests {
    @Test("The example is stored, twice as the same event", arguments: SenderFormats.names)
    func example(_ name: String) throws {
        let format = try #require(SenderFormats.all.first { $0.name == name })
        let first = SenderReading(format, format.example)
        #expect(first.events.count == 1 && first.failure == nil)
        #expect(first.outcome.accepted == 1 && first.outcome.rejected == 0)
        let again = SenderReading(format, Array(format.example.utf8), pieceBytes: 1)
        #expect(first.events.map { $0.text(.id) } == again.events.map { $0.text(.id) })
        #expect(first.events.map(rendered) == again.events.map(rendered))
        let event = try #require(first.events.first)
        #expect(event.yieldsToStored)
        #expect(event.text(.id)?.hasPrefix("evt_") == false)
        // A sender may have such a member itself.
        let isOwn = format.example.contains("\"source\":")
        #expect(isOwn || event.metadata.contains("\"source\":\"\(name)\""))
        #expect(format.configuration.contains("LOGBOOK"))
    }

    @Test("The body may end anywhere", arguments: SenderFormats.names)
    func truncated(_ name: String) throws {
        let format = try #require(SenderFormats.all.first { $0.name == name })
        let body = Array(format.example.utf8)
        for count in 1..<body.count {
            let reading = SenderReading(format, Array(body.prefix(count)))
            #expect(reading.failure != nil || reading.outcome.rejected > 0, "\(count)")
        }
    }

    @Test("Any value may be in any place", arguments: SenderFormats.names)
    func wrongTypes(_ name: String) throws {
        let format = try #require(SenderFormats.all.first { $0.name == name })
        let nested =
            String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        let values = [
            "null", "true", "-1", "1e999", "123456789012345678901234567890", "\"\"", "[]", "{}",
            "\"\\u0000\"", "\"\\ud800\"", "[[{}],7]", nested,
            "\"" + String(repeating: "é", count: 70_000) + "\"",
            "{" + (0..<2000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}",
        ]
        let body = Array(format.example.utf8)
        for place in valuePlaces(body) {
            for value in values {
                let changed =
                    body[..<place.lowerBound] + Array(value.utf8) + body[place.upperBound...]
                let reading = SenderReading(format, Array(changed))
                #expect(reading.events.count <= 1)
                for event in reading.events {
                    #expect(event.text(.title)?.isEmpty == false)
                    #expect(event.metadata.utf8.count <= 262_144)
                }
            }
        }
    }

    @Test("Bytes may be anything", arguments: SenderFormats.names)
    func noise(_ name: String) throws {
        let format = try #require(SenderFormats.all.first { $0.name == name })
        var random = SeededGenerator(seed: 18)
        for _ in 0..<2000 {
            var body = Array(format.example.utf8)
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let reading = SenderReading(format, body)
            #expect(
                reading.failure != nil || reading.outcome.rejected > 0
                    || reading.events.allSatisfy { $0.text(.title)?.isEmpty == false })
        }
    }

    /// The ranges of all values in a JSON text, of the containers too.
    private func valuePlaces(_ json: [UInt8]) -> [Range<Int>] {
        json.withUnsafeBytes { bytes in
            var places: [Range<Int>] = []
            var reader = JSONReader(bytes)
            func walk() throws(JSONError) {
                let kind = try reader.peekKind()
                let start = reader.offset
                switch kind {
                case .object:
                    try reader.beginObject()
                    while try reader.nextKey() != nil { try walk() }
                case .array:
                    try reader.beginArray()
                    while try reader.nextElement() { try walk() }
                default: _ = try reader.skipValue()
                }
                places.append(start..<reader.offset)
            }
            while !reader.atEnd() {
                do throws(JSONError) { try walk() } catch { break }
                reader.beginNextText()
            }
            return places
        }
    }
}
