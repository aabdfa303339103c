import Events
import JSON
import TestSupport
import Testing

@Suite("Building an event in code")
struct EventBuilderTests {
    private func errors(_ decoded: EventDecoder.Decoded) -> [FieldError] {
        if case .invalid(let errors) = decoded { errors } else { [] }
    }

    private var builder: EventBuilder {
        var builder = EventBuilder()
        builder.set(.eventType, "system")
        builder.set(.severity, "warning")
        builder.set(.title, "Something")
        return builder
    }

    @Test("It is the same event as from JSON")
    func same() throws {
        var builder = builder
        builder.set(.id, "x")
        builder.set(.description, "Über \"alles\"")
        builder.set(.cluster, Array("c".utf8))
        builder.setTime(testMoment)
        builder.setOccurrences(7)
        let error = try Array(#"{ "a" : 1.10 }"#.utf8).withUnsafeBytes {
            try builder.setMetadata($0)
        }
        #expect(error == nil)
        guard case .event(let built) = builder.finish(now: .min) else {
            throw errors(builder.finish(now: .min))[0]
        }
        let decoded = try event([
            "id": "x", "event_type": "system", "severity": "warning", "title": "Something",
            "description": "Über \"alles\"", "cluster": "c", "created_at": testMoment.text,
            "occurrences": 7,
        ])
        #expect(
            built.withView { rendered($0) }
                == decoded.withView { rendered($0) }.replacing(
                    #""metadata":null"#, with: #""metadata":{"a":1.10}"#))
    }

    @Test("Nothing is filled in but id and time")
    func filledIn() {
        var builder = builder
        guard case .event(let event) = builder.finish(now: testMoment) else {
            Issue.record("no event")
            return
        }
        #expect(event.text(.id)?.hasPrefix("evt_20261123_103045_") == true)
        #expect(event.text(.createdAt) == testMoment.text)
        #expect(!event.hasGivenTime)
    }

    @Test("Every rule that is broken is named")
    func rules() throws {
        var empty = EventBuilder()
        #expect(
            errors(empty.finish(now: testMoment)).map(\.pointer) == [
                "/event_type", "/severity", "/title",
            ])
        var wrong = builder
        wrong.set(.id, "a b")
        wrong.set(.severity, "fatal")
        wrong.set(.reason, String(repeating: "x", count: 254))
        wrong.setTime(.max)
        wrong.setOccurrences(-1)
        #expect(
            errors(wrong.finish(now: testMoment)).map(\.pointer) == [
                "/id", "/severity", "/reason", "/created_at", "/occurrences",
            ])
        for json in ["[]", #"{"a":"\#(String(repeating: "x", count: 262_144))"}"#] {
            var builder = builder
            let error = try Array(json.utf8).withUnsafeBytes { try builder.setMetadata($0) }
            #expect(error?.pointer == "/metadata")
            #expect(errors(builder.finish(now: testMoment)).isEmpty)
        }
    }

    @Test("The id of a revision says of which series it is; its metadata, how often that occurred")
    func series() throws {
        let revision = try event(["id": "k8s:core:u:7", "metadata": ["count": 3]])
        #expect(revision.series?.key == Array("k8s:core:u".utf8))
        #expect(revision.series?.count == 3)
        #expect(try event(["id": "k8s:core:u:7"]).series?.count == 1)
        for id in [
            "k8s:core:u", "k8s:core::7", "k8s:core:u:", "k8s:core:", "k8s:core:a:b:7",
            "k8s:sha256:x",
        ] {
            #expect(try event(["id": id]).series == nil, "\(id)")
        }
        #expect(try event().series == nil)
    }
}
