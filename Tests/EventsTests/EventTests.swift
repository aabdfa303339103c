import Testing

@testable import Events

@Suite("Event")
struct EventTests {
    /// An event with every field.
    static let full = body([
        "id": #""e-1""#, "description": #""d""#, "object_kind": #""Pod""#,
        "object_namespace": #""""#, "object_name": #""web""#, "metadata": #"{"a":1}"#,
        "created_at": #""2026-01-02T03:04:05.678Z""#, "cluster": #""eu-1""#,
        "reason": #""BackOff""#, "occurrences": "7",
    ])

    @Test("A view lends every field; null is not the empty text")
    func view() throws {
        let event = try decodedEvent(Self.full)
        let fields = event.withView(EventReceipt(seq: 7, receivedAt: 8)) { view in
            #expect(view.seq == 7)
            #expect(view.occurrences == 7)
            return EventField.texts.map { field in
                view[field].map { String(decoding: $0, as: UTF8.self) }
            }
        }
        #expect(
            fields == [
                "e-1", "operator", "info", "Something happened", "d", "Pod", "", "web", #"{"a":1}"#,
                "2026-01-02T03:04:05.678Z", "eu-1", "BackOff",
            ])
        event.withView { #expect($0[.objectNamespace]?.baseAddress != nil) }
        #expect(EventField.texts.map { event.text($0) } == fields)

        let small = try decodedEvent(body(["object_name": "null"]))
        small.withView { view in
            #expect(view.seq == 0)
            #expect(view.occurrences == 1)
            let nulls = EventField.texts.filter { view[$0] == nil }
            #expect(
                nulls == [
                    .description, .objectKind, .objectNamespace, .objectName, .metadata, .cluster,
                    .reason,
                ])
        }
    }

    @Test("An error of the body is thrown")
    func throwing() throws {
        let event = try decodedEvent(Self.full)
        let error = FieldError(pointer: "/x", detail: "y")
        #expect(throws: error) { try event.withView { _ throws(FieldError) in throw error } }
    }

    @Test("The size is that of the fields' bytes")
    func byteCount() throws {
        let event = try decodedEvent(Self.full)
        let sum = EventField.texts.reduce(0) { $0 + (event.text($1) ?? "").utf8.count }
        #expect(event.byteCount == sum)
    }

    @Test("A copy of a view has all its fields")
    func copy() throws {
        let original = try decodedEvent(Self.full)
        let copy = original.withView { Event($0) }
        #expect(rendered(copy) == rendered(original))
        #expect(copy.hasGivenTime)
        let sparse = try decodedEvent(body(["id": #""x""#]))
        #expect(rendered(sparse.withView { Event($0) }) == rendered(sparse))
    }

    @Test("The same content is a replay")
    func replay() throws {
        let stored = try decodedEvent(Self.full)
        let again = try decodedEvent(Self.full)
        #expect(stored.withView { again.isReplay(of: $0) })
        let respelled = try decodedEvent(
            Self.full.replacing("2026-01-02T03:04:05.678Z", with: "2026-01-02T04:04:05.6789+01:00")
                .replacing("web", with: #"w\u0065b"#).replacing(#"{"a":1}"#, with: #"{ "a" : 1 }"#))
        #expect(stored.withView { respelled.isReplay(of: $0) })
    }

    @Test("A time that the replay leaves out is not compared; one that it brings is")
    func replayedTime() throws {
        let later = try #require(Timestamp(milliseconds: testMoment.milliseconds + 1))
        let first = try decodedEvent(body(["id": #""x""#]))
        let withoutTime = try decodedEvent(body(["id": #""x""#]), now: later)
        #expect(!withoutTime.hasGivenTime)
        #expect(first.withView { withoutTime.isReplay(of: $0) })
        let sameTime = try decodedEvent(
            body(["id": #""x""#, "created_at": quoted(testMoment.text)]))
        #expect(sameTime.hasGivenTime)
        #expect(first.withView { sameTime.isReplay(of: $0) })
        let otherTime = try decodedEvent(body(["id": #""x""#, "created_at": quoted(later.text)]))
        #expect(!first.withView { otherTime.isReplay(of: $0) })
    }

    @Test("Values that the store fills in are not compared if the replay leaves them out")
    func filledIn() throws {
        let stored = try decodedEvent(
            body(["id": #""x""#, "occurrences": "3", "cluster": #""c""#, "reason": #""r""#]))
        let without = try decodedEvent(body(["id": #""x""#]))
        #expect(stored.withView { without.isReplay(of: $0) })
        let one = try decodedEvent(body(["id": #""x""#, "occurrences": "1"]))
        #expect(!stored.withView { one.isReplay(of: $0) })
    }

    @Test(
        "Any other content is no replay",
        arguments: [
            ("id", #""e-2""#), ("event_type", #""system""#), ("severity", #""error""#),
            ("title", #""Something happened.""#), ("description", #""""#), ("description", "null"),
            ("object_kind", #""pod""#), ("object_namespace", "null"), ("object_name", #""web-1""#),
            ("metadata", #"{"a":1.0}"#), ("metadata", "{}"), ("metadata", "null"),
            ("created_at", #""2026-01-02T03:04:05.679Z""#),
            ("cluster", #""eu-2""#), ("reason", #""Backoff""#), ("occurrences", "8"),
        ])
    func otherContent(field: String, value: String) throws {
        let stored = try decodedEvent(Self.full)
        let members = Self.full.dropFirst().dropLast().split(separator: ",").map { member in
            member.hasPrefix("\"\(field)\":") ? "\"\(field)\":\(value)" : String(member)
        }
        let other = try decodedEvent("{" + members.joined(separator: ",") + "}")
        #expect(!stored.withView { other.isReplay(of: $0) })
        #expect(!other.withView { stored.isReplay(of: $0) })
    }
}
