import Foundation
import Testing

@Suite("What an event may hold")
struct ValidationTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    /// A field's value as JSON, and true if it is stored. Shown by its name, because values are
    /// long.
    struct Bound: CustomTestStringConvertible {
        let field: String
        let name: String
        let value: String
        let isStored: Bool

        init(_ field: String, _ name: String, _ value: String, isStored: Bool) {
            (self.field, self.name, self.value, self.isStored) = (field, name, value, isStored)
        }

        var testDescription: String { "\(field): \(name)" }
    }

    private static func text(_ unit: String, _ count: Int) -> String {
        "\"\(String(repeating: unit, count: count))\""
    }

    private static func nested(_ levels: Int) -> String {
        // The object itself is the first level.
        "{\"a\":\(String(repeating: "[", count: levels - 1))\(String(repeating: "]", count: levels - 1))}"
    }

    static let textBounds = [
        Bound("title", "empty", text("", 0), isStored: false),
        Bound("title", "1 character", text("x", 1), isStored: true),
        Bound("title", "1024 characters", text("x", 1024), isStored: true),
        Bound("title", "1025 characters", text("x", 1025), isStored: false),
        Bound("title", "1024 of 4 bytes", text("😀", 1024), isStored: true),
        Bound("title", "1025 of 4 bytes", text("😀", 1025), isStored: false),
        Bound("title", "1024 escaped", text(#"\ud83d\ude00"#, 1024), isStored: true),
        Bound("title", "1025 escaped", text(#"\u00e9"#, 1025), isStored: false),
        Bound("description", "65536 bytes", text("x", 65_536), isStored: true),
        Bound("description", "65537 bytes", text("x", 65_537), isStored: false),
        Bound("description", "32768 of 2 bytes", text("é", 32_768), isStored: true),
        Bound("description", "32769 of 2 bytes", text("é", 32_769), isStored: false),
        Bound("description", "65536 escaped", text(#"\n"#, 65_536), isStored: true),
        Bound("object_kind", "253 characters", text("é", 253), isStored: true),
        Bound("object_kind", "254 characters", text("k", 254), isStored: false),
        Bound("object_namespace", "253 characters", text("n", 253), isStored: true),
        Bound("object_namespace", "254 characters", text("é", 254), isStored: false),
        Bound("object_name", "253 characters", text("😀", 253), isStored: true),
        Bound("object_name", "254 characters", text("o", 254), isStored: false),
    ]

    static let nameBounds = [
        Bound("id", "empty", text("", 0), isStored: false),
        Bound("id", "128 characters", text("a", 128), isStored: true),
        Bound("id", "129 characters", text("a", 129), isStored: false),
        Bound("id", "every character", text("AZaz09._:-", 1), isStored: true),
        Bound("id", "dots", text(".", 2), isStored: false),
        Bound("id", "slash", text("a/b", 1), isStored: false),
        Bound("id", "space", text("a b", 1), isStored: false),
        Bound("id", "letter beyond ASCII", text("é", 1), isStored: false),
        Bound("id", "line break", text(#"a\r\nb"#, 1), isStored: false),
        Bound("id", "percent", text("a%41", 1), isStored: false),
        Bound("event_type", "empty", text("", 0), isStored: false),
        Bound("event_type", "64 characters", text("a", 64), isStored: true),
        Bound("event_type", "65 characters", text("a", 65), isStored: false),
        Bound("event_type", "every character", text("az09._-", 1), isStored: true),
        Bound("event_type", "digit first", text("1a", 1), isStored: false),
        Bound("event_type", "dot first", text(".a", 1), isStored: false),
        Bound("event_type", "capital", text("Cluster", 1), isStored: false),
        Bound("event_type", "colon", text("a:b", 1), isStored: false),
        Bound("severity", "unknown", text("fatal", 1), isStored: false),
        Bound("severity", "capital", text("Info", 1), isStored: false),
        Bound("severity", "empty", text("", 0), isStored: false),
    ]

    static let metadataBounds = [
        Bound("metadata", "262144 bytes", "{\"a\":\(text("x", 262_136))}", isStored: true),
        Bound("metadata", "262145 bytes", "{\"a\":\(text("x", 262_137))}", isStored: false),
        Bound(
            "metadata", "262144 bytes with space between",
            "{ \"a\" : \(text("x", 262_136)) }", isStored: true),
        Bound("metadata", "64 levels", nested(64), isStored: true),
        Bound("metadata", "65 levels", nested(65), isStored: false),
        Bound("metadata", "array", "[1]", isStored: false),
        Bound("metadata", "text", "\"{}\"", isStored: false),
        Bound("metadata", "number", "1", isStored: false),
    ]

    static let kinds =
        ["id", "event_type", "severity", "title", "created_at"].map {
            Bound($0, "null", "null", isStored: false)
        }
        + ["description", "object_kind", "object_namespace", "object_name", "metadata"].map {
            Bound($0, "null", "null", isStored: true)
        }
        + ["id", "event_type", "severity", "title", "description", "object_kind", "created_at"]
        .flatMap { field in
            ["1", "true", "[]", "{}"].map { Bound(field, "of kind \($0)", $0, isStored: false) }
        }

    @Test(
        "Each field is stored up to its bound, and refused one past it",
        arguments: textBounds + nameBounds + metadataBounds)
    func bound(_ bound: Bound) throws { try check(bound) }

    @Test("Each field has one kind of value, and some may be null", arguments: kinds)
    func kind(_ bound: Bound) throws { try check(bound) }

    private func check(_ bound: Bound) throws {
        var fields = ["event_type": "\"x\"", "severity": "\"info\"", "title": "\"t\""]
        fields[bound.field] = bound.value
        let body = "{\(fields.map { "\"\($0)\":\($1)" }.joined(separator: ","))}"
        let response = try server.post(body)
        guard !bound.isStored else {
            #expect(
                response.status == 201, "\(bound.testDescription): \(response.text.prefix(300))")
            let id = try response.decode(StoredEvent.self).id
            #expect(try server.exchange("GET", "/events/\(id)").text == response.text)
            return
        }
        let problem = try response.problem(422)
        #expect(problem.pointers == ["/\(bound.field)"], "\(bound.testDescription)")
        #expect(problem.detail.utf8.count < 1_000, "quotes what is long in short")
        #expect(try server.walk("").isEmpty)
    }

    @Test("Required fields are missed by name, all of them")
    func required() throws {
        let problem = try server.post("{}").problem(422)
        #expect(Set(problem.pointers) == ["/event_type", "/severity", "/title"])
    }

    @Test("Every error of an event is reported, with its place")
    func severalErrors() throws {
        let problem = try server.post(
            """
            {"id":"a b","event_type":"X","severity":"fatal","title":"","description":1,\
            "object_kind":[],"metadata":[],"created_at":"yesterday","seq":1,"colour":"red"}
            """
        ).problem(422)
        #expect(
            Set(problem.pointers) == [
                "/id", "/event_type", "/severity", "/title", "/description", "/object_kind",
                "/metadata", "/created_at", "/seq", "/colour",
            ])
        #expect(problem.pointers.count == 10)
        let severity = problem.errors?.first { $0.pointer == "/severity" }?.detail ?? ""
        for word in ["fatal", "info", "warning", "error", "critical"] {
            #expect(severity.contains(word), "tells what was found and what would be right")
        }
    }

    @Test(
        "An unknown field is refused by its name",
        arguments: [
            ("colour", "/colour"), ("Title", "/Title"), ("a/b~c", "/a~1b~0c"), ("", "/"),
            ("é", "/é"),
        ])
    func unknownField(_ name: String, _ pointer: String) throws {
        let problem = try server.post(
            #"{"event_type":"x","severity":"info","title":"t","\#(name)":{"any":["thing"]}}"#
        ).problem(422)
        #expect(problem.pointers == [pointer])
        #expect(name.isEmpty || problem.detail.contains(pointer.dropFirst()))
        #expect(try server.walk("").isEmpty)
    }

    @Test("seq is the store's own", arguments: ["1", "null", "\"1\""])
    func sequence(_ value: String) throws {
        let problem = try server.post(
            #"{"event_type":"x","severity":"info","title":"t","seq":\#(value)}"#
        ).problem(422)
        #expect(problem.pointers == ["/seq"])
    }
}
