import Foundation
import JSON
import TestSupport
import Testing

@testable import Events

@Suite("EventView")
struct EventViewTests {
    private static let keys = EventField.allCases.map { String(describing: $0.name) }

    @Test("Random events render to what JSONSerialization reads back", arguments: UInt64(1)...200)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var fields: [String: Any] = [
            "event_type": "health", "severity": "critical", "title": generator.text(1...60),
            "metadata": ["k": generator.text(0...40), "n": 1, "list": [true, NSNull()]],
        ]
        for field in [
            "description", "object_kind", "object_namespace", "object_name", "cluster", "reason",
        ] {
            switch Int.random(in: 0...2, using: &generator) {
            case 0: fields[field] = generator.text(0...40)
            case 1: fields[field] = NSNull()
            default: break
            }
        }
        let json = try JSONSerialization.data(withJSONObject: fields)
        let event = try decodedEvent(String(decoding: json, as: UTF8.self))
        let seq = Int64.random(in: 1 ... .max, using: &generator)
        let output = rendered(event, seq: seq)
        let read = try #require(
            try JSONSerialization.jsonObject(with: Data(output)) as? NSDictionary)

        var expected = fields
        expected["id"] = event.text(.id)
        expected["created_at"] = testMoment.text
        expected["seq"] = NSNumber(value: seq)
        expected["occurrences"] = 1
        expected["received_at"] = "1970-01-01T00:00:00.000Z"
        expected["fold_key"] = NSNull()
        for key in Self.keys where expected[key] == nil { expected[key] = NSNull() }
        #expect(read == NSDictionary(dictionary: expected))
        // NSDictionary treats canonically equivalent texts as one; bytes are not.
        let title = try #require(read["title"] as? String)
        #expect(event.text(.title)?.utf8.elementsEqual(title.utf8) == true)
    }

    @Test("Every field is there, in the contract's order, null where empty")
    func order() throws {
        let event = try decodedEvent(body(["id": #""x""#, "occurrences": "7"]))
        var output: [UInt8] = []
        let receipt = EventReceipt(
            seq: 42, receivedAt: testMoment.milliseconds + 1, foldKey: -0x123)
        event.withView(receipt) { $0.appendJSON(to: &output) }
        #expect(
            String(decoding: output, as: UTF8.self) == """
                {"id":"x","event_type":"operator","severity":"info","title":"Something happened",\
                "description":null,"object_kind":null,"object_namespace":null,"object_name":null,\
                "metadata":null,"created_at":"2026-11-23T10:30:45.123Z","cluster":null,"reason":null,\
                "occurrences":7,"received_at":"2026-11-23T10:30:45.124Z",\
                "fold_key":"fffffffffffffedd","seq":42}
                """)
    }

    @Test("Metadata goes out as it came, key order and numbers included")
    func metadata() throws {
        let metadata = #"{"z":12345678901234567890,"a":1.10,"e":1E+400,"s":"\u0041\/ é","":[]}"#
        let event = try decodedEvent(body(["metadata": metadata]))
        let output = String(decoding: rendered(event), as: UTF8.self)
        #expect(output.contains(#","metadata":\#(metadata),"created_at""#))
    }

    @Test("Appending keeps the content")
    func appends() {
        var output = Array("[".utf8)
        EventView(seq: -1).appendJSON(to: &output)
        #expect(String(decoding: output, as: UTF8.self).hasPrefix(#"[{"id":null,"#))
        #expect(String(decoding: output, as: UTF8.self).hasSuffix(#""seq":-1}"#))
    }
}
