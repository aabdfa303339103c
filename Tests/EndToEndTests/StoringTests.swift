import Foundation
import Testing

@Suite("Storing one event")
struct StoringTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    @Test("A stored event is answered with 201, its Location and itself")
    func created() throws {
        let event = NewEvent(
            id: "Evt:1.a_b-c", eventType: "operator.v2", severity: "critical", title: "Gone",
            description: "Line one\nline two", objectKind: "Pod", objectNamespace: "kube-system",
            objectName: "coredns-0", createdAt: "2026-11-23T10:30:45.123Z")
        let response = try server.post(event.json)
        #expect(response.status == 201)
        #expect(response.reason == "Created")
        #expect(response.header("Location") == "events/Evt:1.a_b-c")
        #expect(response.header("Content-Type") == "application/json")
        #expect(response.header("Cache-Control") == "no-store")
        let stored = try response.decode(StoredEvent.self)
        #expect(stored.eventType == event.eventType)
        #expect(stored.severity == event.severity)
        #expect(stored.title == event.title)
        #expect(stored.description == event.description)
        #expect(stored.objectKind == event.objectKind)
        #expect(stored.objectNamespace == event.objectNamespace)
        #expect(stored.objectName == event.objectName)
        #expect(stored.createdAt == event.createdAt)
        #expect(stored.seq > 0)

        let read = try server.exchange("GET", "/events/Evt:1.a_b-c")
        #expect(read.status == 200)
        #expect(read.text == response.text)
    }

    @Test("What is left out is made or null, and every field is there")
    func filledIn() throws {
        let before = Date()
        let body = #"{"event_type":"health","severity":"warning","title":"t"}"#
        let response = try server.post(body)
        let after = Date()
        #expect(response.status == 201)
        let fields = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
        #expect(Set(try #require(fields).keys) == Set(StoredEvent.fieldNames))
        for name in ["description", "object_kind", "object_namespace", "object_name", "metadata"] {
            #expect(fields?[name] is NSNull, "\(name)")
        }
        let stored = try response.decode(StoredEvent.self)
        #expect(stored.id.wholeMatch(of: /evt_\d{8}_\d{6}_[0-9a-f]{16}/) != nil, "\(stored.id)")
        #expect(response.header("Location") == "events/\(stored.id)")
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let created = try Date(stored.createdAt, strategy: format)
        // Milliseconds are cut off, so the earliest possible time is the start of the current
        // millisecond.
        #expect(created.timeIntervalSince(before) > -0.002)
        #expect(created <= after)
    }

    @Test("seq rises with every event, and is not used again after a delete")
    func sequence() throws {
        var last = 0
        for number in 0..<5 {
            let stored = try server.post(NewEvent(id: "e\(number)").json).decode(StoredEvent.self)
            #expect(stored.seq > last)
            last = stored.seq
            #expect(try server.exchange("DELETE", "/events/e\(number)").status == 204)
        }
    }

    @Test(
        "Metadata is returned byte for byte, without white space between tokens",
        arguments: [
            #"{"n":12345678901234567890,"x":1.10,"z":1,"a":[]}"#,
            #"{"z":1,"y":2,"a":3,"0":-0.0,"e":1E+400,"tiny":1e-999}"#,
            #"{"text":"a \u0041 \/ \" \\ é \ud83d\ude00 😀 \u0000","":{"":[]}}"#,
            #"{"b":[true,false,null,[[],{}],"  spaces  inside  "]}"#,
            "{}",
        ])
    func metadata(_ text: String) throws {
        let stored = try server.post(event(metadata: text))
        #expect(stored.status == 201)
        #expect(stored.text.contains("\"metadata\":\(text),"), "\(stored.text)")
        let id = try stored.decode(StoredEvent.self).id
        #expect(try server.exchange("GET", "/events/\(id)").text == stored.text)
    }

    @Test("White space between the tokens of metadata is dropped")
    func metadataWhitespace() throws {
        let spaced = "{ \"a b\" :\t[ 1 ,\r\n 2.50 ] ,\n\"c\" : { } , \"d\" : \" x \" }"
        let stored = try server.post(event(metadata: spaced))
        #expect(stored.status == 201)
        #expect(
            stored.text.contains(#""metadata":{"a b":[1,2.50],"c":{},"d":" x "},"#),
            "\(stored.text)")
    }

    /// Shown in its escaped spelling, because the bytes would garble a log.
    struct Spelling: CustomTestStringConvertible {
        let written: String
        let meant: String

        init(_ written: String, _ meant: String) { (self.written, self.meant) = (written, meant) }

        var testDescription: String { written.debugDescription }
    }

    @Test(
        "Text of every kind is returned unchanged",
        arguments: [
            Spelling(#"Grüße, 世界 😀 ﷽ e\u0301"#, "Grüße, 世界 😀 ﷽ e\u{301}"),
            Spelling(#"\u00e9\u4e16\ud83d\ude00"#, "é世😀"),
            Spelling(#"a\u0000b\u0001\u001f"#, "a\0b\u{1}\u{1f}"),
            Spelling(#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            Spelling("\u{7f}\u{2028}\u{feff}\u{10ffff}", "\u{7f}\u{2028}\u{feff}\u{10ffff}"),
            Spelling("'; DROP TABLE events; --", "'; DROP TABLE events; --"),
        ])
    func text(_ spelling: Spelling) throws {
        let written = spelling.written
        let body = """
            {"event_type":"system","severity":"info","title":"\(written)",\
            "description":"\(written)","object_name":"\(written)"}
            """
        let response = try server.post(body)
        #expect(response.status == 201, "\(response.text)")
        let id = try response.decode(StoredEvent.self).id
        let read = try server.exchange("GET", "/events/\(id)").decode(StoredEvent.self)
        for text in [read.title, read.description, read.objectName] {
            #expect(text.map { Array($0.utf8) } == Array(spelling.meant.utf8))
        }
    }

    @Test("Empty texts are not null", arguments: ["description", "object_kind", "object_name"])
    func emptyText(_ field: String) throws {
        let response = try server.post(
            #"{"event_type":"system","severity":"info","title":"t","\#(field)":""}"#)
        #expect(response.status == 201)
        #expect(response.text.contains("\"\(field)\":\"\","), "\(response.text)")
    }

    @Test("Escaped keys name the same fields")
    func escapedKeys() throws {
        let response = try server.post(
            #"{"\u0065vent_type":"system","severity":"in\u0066o","title":"t"}"#)
        #expect(response.status == 201, "\(response.text)")
        #expect(try response.decode(StoredEvent.self).eventType == "system")
    }

    @Test(
        "Prefer: return=minimal leaves out the body",
        arguments: ["return=minimal", "respond-async, return=minimal"])
    func minimal(_ preference: String) throws {
        for status in [201, 200] {
            let response = try server.exchange(
                "POST", "/events", NewEvent(id: "m").json, headers: [("Prefer", preference)])
            #expect(response.status == status)
            #expect(response.body.isEmpty)
            #expect(response.header("Content-Length") == "0")
            #expect(response.header("Location") == "events/m")
            #expect(response.header("Preference-Applied") == "return=minimal")
        }
        #expect(try server.exchange("GET", "/events/m").status == 200)
    }

    @Test(
        "One type and severity of each kind the contract names",
        arguments: ["info", "warning", "error", "critical"])
    func kinds(_ severity: String) throws {
        for type in ["cluster", "operator", "insight", "assessment", "health", "system", "x"] {
            let response = try server.post(NewEvent(eventType: type, severity: severity).json)
            #expect(response.status == 201)
            let stored = try response.decode(StoredEvent.self)
            #expect(stored.eventType == type && stored.severity == severity)
        }
    }

    private func event(metadata: String) -> String {
        #"{"event_type":"system","severity":"info","title":"t","metadata":\#(metadata)}"#
    }
}
