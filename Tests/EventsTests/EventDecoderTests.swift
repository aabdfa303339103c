import JSON
import Testing

@testable import Events

/// A field's value, and true if it is valid.
struct FieldCase: Sendable, CustomTestStringConvertible {
    let field: String
    /// The value as it is in the JSON.
    let value: String
    let isValid: Bool

    init(_ field: String, _ value: String, isValid: Bool = true) {
        self.field = field
        self.value = value
        self.isValid = isValid
    }

    var testDescription: String {
        "\(field): \(value.prefix(40).replacing("\n", with: " ")) (\(value.utf8.count) bytes)"
    }
}

/// Metadata of exactly `bytes` bytes.
private func metadata(bytes: Int) -> String {
    #"{"k":""# + String(repeating: "x", count: bytes - 8) + #""}"#
}

/// Metadata with `depth` nested containers.
private func metadata(depth: Int) -> String {
    #"{"k":"# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1)
        + "}"
}

/// The table of the contract, with each field at its bound and one past it.
private let table: [FieldCase] =
    [
        FieldCase("id", quoted("a")), FieldCase("id", quoted("a", times: 128)),
        FieldCase("id", #""AZaz09._:-""#), FieldCase("id", #""\u0061""#),
        FieldCase("id", quoted(""), isValid: false),
        FieldCase("id", quoted("a", times: 129), isValid: false),
        FieldCase("id", quoted("a b"), isValid: false),
        FieldCase("id", quoted("é"), isValid: false),
        FieldCase("id", #""a\u0000""#, isValid: false), FieldCase("id", "null", isValid: false),

        FieldCase("event_type", quoted("a")), FieldCase("event_type", quoted("a", times: 64)),
        FieldCase("event_type", quoted("z0._-")),
        FieldCase("event_type", quoted("a", times: 65), isValid: false),
        FieldCase("event_type", quoted(""), isValid: false),
        FieldCase("event_type", quoted("0a"), isValid: false),
        FieldCase("event_type", quoted("_a"), isValid: false),
        FieldCase("event_type", quoted("Cluster"), isValid: false),
        FieldCase("event_type", quoted("a:b"), isValid: false),
        FieldCase("event_type", quoted("a b"), isValid: false),
        FieldCase("event_type", quoted("é"), isValid: false),
        FieldCase("event_type", "null", isValid: false),

        FieldCase("severity", quoted("fatal"), isValid: false),
        FieldCase("severity", quoted("Info"), isValid: false),
        FieldCase("severity", quoted("info "), isValid: false),
        FieldCase("severity", quoted(""), isValid: false),
        FieldCase("severity", "null", isValid: false),

        FieldCase("title", quoted("t")), FieldCase("title", quoted("t", times: 1024)),
        FieldCase("title", quoted("😀", times: 1024)),
        FieldCase("title", quoted(#"\ud83d\ude00"#, times: 1024)),
        FieldCase("title", quoted(""), isValid: false),
        FieldCase("title", quoted("t", times: 1025), isValid: false),
        FieldCase("title", quoted("😀", times: 1025), isValid: false),
        FieldCase("title", quoted(#"\u0000"#, times: 1025), isValid: false),
        FieldCase("title", "null", isValid: false),

        FieldCase("description", quoted("")), FieldCase("description", "null"),
        FieldCase("description", quoted("d", times: 65_536)),
        FieldCase("description", quoted("é", times: 32_768)),
        FieldCase("description", quoted(#"\u00e9"#, times: 32_768)),
        FieldCase("description", quoted("d", times: 65_537), isValid: false),
        FieldCase("description", quoted("é", times: 32_769), isValid: false),

        FieldCase("metadata", "{}"), FieldCase("metadata", "null"),
        FieldCase("metadata", metadata(bytes: 262_144)),
        FieldCase("metadata", metadata(bytes: 262_145), isValid: false),
        // White space between tokens is not stored and does not count.
        FieldCase("metadata", " \n" + metadata(bytes: 262_144).replacing(":", with: " : ")),
        FieldCase(
            "metadata", metadata(bytes: 262_145).replacing(":", with: " : "), isValid: false),
        FieldCase("metadata", metadata(depth: 64)),
        FieldCase("metadata", metadata(depth: 65), isValid: false),

        FieldCase("created_at", quoted("2026-11-23T10:30:45Z")),
        FieldCase("created_at", quoted("2026-11-23t10:30:45.123456789+05:30")),
        FieldCase("created_at", quoted("2026-11-23"), isValid: false),
        FieldCase("created_at", quoted("now"), isValid: false),
        FieldCase("created_at", quoted(""), isValid: false),
        FieldCase("created_at", "null", isValid: false),

        FieldCase("occurrences", "0"), FieldCase("occurrences", "2147483647"),
        FieldCase("occurrences", "2147483648", isValid: false),
        FieldCase("occurrences", "-1", isValid: false),
        FieldCase("occurrences", "-0"),
        FieldCase("occurrences", "1.0", isValid: false),
        FieldCase("occurrences", "1e2", isValid: false),
        FieldCase("occurrences", "99999999999999999999", isValid: false),
        FieldCase("occurrences", quoted("1"), isValid: false),
        FieldCase("occurrences", "null", isValid: false),

        FieldCase("received_at", quoted("2026-11-23T10:30:45.123Z"), isValid: false),
        FieldCase("received_at", "null", isValid: false),
        FieldCase("fold_key", quoted("0123456789abcdef"), isValid: false),
        FieldCase("fold_key", "null", isValid: false),
        FieldCase("seq", "1", isValid: false), FieldCase("seq", "null", isValid: false),
        FieldCase("Title", quoted("t"), isValid: false),
        FieldCase("eventType", quoted("cluster"), isValid: false),
        FieldCase("", quoted("t"), isValid: false),
    ]
    + ["cluster", "operator", "insight", "assessment", "health", "system"]
    .map { FieldCase("event_type", quoted($0)) }
    + ["info", "warning", "error", "critical"].map { FieldCase("severity", quoted($0)) }
    + ["object_kind", "object_namespace", "object_name", "cluster", "reason"].flatMap { field in
        [
            FieldCase(field, "null"), FieldCase(field, quoted("")),
            FieldCase(field, quoted("o", times: 253)), FieldCase(field, quoted("é", times: 253)),
            FieldCase(field, quoted("o", times: 254), isValid: false),
            FieldCase(field, quoted("é", times: 254), isValid: false),
        ]
    }

@Suite("EventDecoder")
struct EventDecoderTests {
    @Test("The table of the contract, at its bounds and one past them", arguments: table)
    func contract(_ row: FieldCase) throws {
        let found = try errors(body([row.field: row.value]))
        #expect(found.map(\.pointer) == (row.isValid ? [] : ["/\(row.field)"]), "\(found)")
    }

    @Test("A value of another kind is refused by its pointer, and named")
    func kinds() throws {
        let kinds = [
            ("{}", "an object"), ("[]", "an array"), (quoted(""), "a string"), ("1", "a number"),
            ("true", "a boolean"), ("null", "null"),
        ]
        for field in EventField.texts {
            let name = String(describing: field.name)
            let nullable: [EventField] = [
                .description, .objectKind, .objectNamespace, .objectName, .metadata, .cluster,
                .reason,
            ]
            let wanted = field == .metadata ? "an object" : "a string"
            let rule = "must be \(wanted)\(nullable.contains(field) ? " or null" : "")"
            for (value, kind) in kinds where kind != wanted {
                let isAllowed = kind == "null" && nullable.contains(field)
                let expected = FieldError(pointer: "/\(name)", detail: "\(rule), not \(kind)")
                #expect(try errors(body([name: value])) == (isAllowed ? [] : [expected]))
            }
        }
    }

    @Test(
        "An event is an object",
        arguments: [
            ("[]", "an array"), (#"[{}]"#, "an array"), (#""{}""#, "a string"), ("7", "a number"),
            ("false", "a boolean"), ("null", "null"),
        ])
    func notAnObject(json: String, kind: String) throws {
        #expect(
            try errors(json)
                == [FieldError(pointer: "", detail: "an event is a JSON object, not \(kind)")])
    }

    @Test("A missing field is required, once, and distinguished from a wrong one")
    func required() throws {
        #expect(
            try errors("{}") == [
                FieldError(pointer: "/event_type", detail: "is required"),
                FieldError(pointer: "/severity", detail: "is required"),
                FieldError(pointer: "/title", detail: "is required"),
            ])
        for field in ["event_type", "severity", "title"] {
            #expect(
                try errors(body([field: nil]))
                    == [FieldError(pointer: "/\(field)", detail: "is required")])
        }
    }

    @Test("A detail says what was found and what would be right, and stays short")
    func details() throws {
        let found = try errors(
            body([
                "severity": quoted("bad"), "id": quoted("x y", times: 100),
                "title": quoted("t", times: 2000), "description": quoted("d", times: 65_537),
                "object_kind": quoted("k", times: 254), "created_at": quoted("yesterday"),
                "metadata": metadata(depth: 70), "event_type": quoted("No"), "occurrences": "-2",
            ]))
        #expect(
            found.map { "\($0.pointer) \($0.detail)" } == [
                "/event_type must be 1 to 64 characters of a-z 0-9 . _ - that start with a letter, "
                    + "not 'No'",
                "/severity must be one of info, warning, error, critical, not 'bad'",
                "/title must have 1 to 1024 characters; it has 2000",
                "/id must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, other than . and .., not "
                    + "'\(String(repeating: "x y", count: 14).prefix(40))…'",
                "/description must have at most 65536 bytes of UTF-8; it has 65537",
                "/object_kind must have at most 253 characters; it has 254",
                "/created_at must be an RFC 3339 time such as 2026-11-23T10:30:45.123Z, "
                    + "not 'yesterday'",
                "/metadata is nested 70 levels deep; at most 64 are stored",
                "/occurrences must be a whole number from 0 to 2147483647, not '-2'",
            ])
        #expect(
            try errors(body(["occurrences": "true"])).map(\.detail)
                == ["must be a whole number from 0 to 2147483647, not a boolean"])
        let long = try errors(body(["metadata": metadata(bytes: 262_145)]))
        #expect(
            long.map(\.detail)
                == ["is 262145 bytes long without white space; at most 262144 are stored"])
    }

    @Test("Unknown fields are named by an RFC 6901 pointer; what the store gives with the reason")
    func unknown() throws {
        let unknown =
            "is not a field of an event; the fields are id, event_type, severity, title, description, "
            + "object_kind, object_namespace, object_name, metadata, created_at, cluster, reason, "
            + "occurrences"
        let json = body([
            "a/b~c": "1", "sev\\u0065ritY": "{}", "seq": "5", "é": "[[]]", "x\\ny": "null",
        ])
        #expect(
            try errors(json) == [
                FieldError(pointer: "/a~1b~0c", detail: unknown),
                FieldError(pointer: "/severitY", detail: unknown),
                FieldError(
                    pointer: "/seq", detail: "is set by the store and must be left out"),
                FieldError(pointer: "/é", detail: unknown),
                FieldError(pointer: "/x\ny", detail: unknown),
            ])
        let long = String(repeating: "n", count: 1_000)
        #expect(
            try errors(body([long: "1"])).map(\.pointer) == [
                "/" + String(repeating: "n", count: 64)
            ])
    }

    @Test("Keys that are only canonically equivalent are two")
    func equivalentKeys() throws {
        // `body` compares keys as strings and would take them for one.
        let rest = body().dropFirst()
        #expect(
            try errors("{\"\u{E9}\":1,\"e\u{301}\":1,\(rest)").map { Array($0.pointer.utf8) }
                == [Array("/\u{E9}".utf8), Array("/e\u{301}".utf8)])
        #expect(throws: JSONError.self) { try decode("{\"\u{E9}\":1,\"\\u00e9\":1,\(rest)") }
    }

    @Test("What an error quotes stays short, even of one character with a thousand marks")
    func shortQuotes() throws {
        let marks = "a" + String(repeating: "\u{301}", count: 1_000)
        let json = body([
            "severity": quoted(marks), "event_type": quoted(marks), "id": quoted(marks),
            "created_at": quoted(marks), marks: "1",
        ])
        let found = try errors(json)
        #expect(found.count == 5)
        #expect(found.allSatisfy { $0.detail.utf8.count < 300 && $0.pointer.utf8.count < 300 })
        let error = #expect(throws: JSONError.self) {
            try decode("{\"\(marks)\":1,\"\(marks)\":1}")
        }
        #expect(error.map { $0.message.utf8.count < 300 } == true)
    }

    @Test("An event is reported with 20 errors at most")
    func errorLimit() throws {
        for count in [19, 20, 21, 40] {
            let members = (0..<count).map { #""unknown\#($0)":0"# }.joined(separator: ",")
            let found = try errors("{\(members)}")
            #expect(found.count == 20)
            #expect(found.first?.pointer == "/unknown0")
            #expect(found.last?.pointer == (count == 19 ? "/event_type" : "/unknown19"))
        }
    }

    @Test("Metadata of as many keys as its bytes can hold is stored")
    func mostKeys() throws {
        let characters = (UInt8(ascii: " ")...UInt8(ascii: "~")).map { "\(Unicode.Scalar($0))" }
            .filter { $0 != "\"" && $0 != "\\" }
        let pairs = characters.flatMap { first in characters.map { first + $0 } }
        let triples = pairs.prefix(300).flatMap { first in characters.map { first + $0 } }
        var members: [String] = []
        var bytes = 1
        for key in characters + pairs + triples {
            let member = "\"\(key)\":0"
            bytes += member.utf8.count + 1
            guard bytes <= 262_144 else { break }
            members.append(member)
        }
        #expect(members.count > 33_000)
        let json = body(["metadata": "{\(members.joined(separator: ","))}"])
        guard case .event = try decode(json) else {
            Issue.record("not stored")
            return
        }
    }

    @Test("A duplicate key is malformed, whatever its spelling and however the first one fared")
    func duplicates() throws {
        let names = EventField.allCases.map { String(describing: $0.name) } + ["other"]
        for name in names {
            for (first, second) in [("null", "null"), (quoted("a"), "{}"), ("{}", quoted("a"))] {
                let spelled = "\\u00" + String(name.utf8.first!, radix: 16) + name.dropFirst()
                for spelling in [name, spelled] {
                    let json = "{\"\(name)\":\(first),\n \"\(spelling)\":\(second)}"
                    let error = #expect(throws: JSONError.self) { try decode(json) }
                    #expect(error?.message == "the key \"\(name)\" occurs twice in one object")
                    #expect(error?.line == 2)
                    #expect(error?.column == 2)
                }
            }
        }
        #expect(throws: JSONError.self) { try decode(body(["metadata": #"{"a":{"b":1,"b":1}}"#])) }
        #expect(throws: JSONError.self) { try decode(body(["x": #"{"b":1,"b":1}"#])) }
    }

    @Test(
        "Text that is not JSON throws",
        arguments: [
            "", "{", "{]", #"{"title"}"#, #"{"title":}"#, #"{"title":"a",}"#, #"{"title":"a"#,
            #"{"title":"\ud800"}"#, #"{"metadata":{"a":01}}"#, #"{"metadata":{]}"#, "nul",
        ])
    func malformed(json: String) {
        #expect(throws: JSONError.self) { try decode(json) }
    }

    @Test("Metadata keeps its bytes, white space between tokens apart")
    func metadataBytes() throws {
        let event = try decodedEvent(
            body([
                "metadata": "{ \"z\" : 12345678901234567890 ,\n\t\"a b\":\r\n[ 1.10 , -0.0,1E+5 ],"
                    + #""s":" \u0041 é \/" }"#
            ]))
        #expect(
            event.text(.metadata)
                == #"{"z":12345678901234567890,"a b":[1.10,-0.0,1E+5],"s":" \u0041 é \/"}"#)
    }

    @Test("Texts are decoded; a time is stored in UTC with milliseconds")
    func values() throws {
        let event = try decodedEvent(
            body([
                "title": #""a\u0000b\n\"\ud83d\ude00\"""#, "object_name": #""\u00e9""#,
                "created_at": quoted("2026-01-01T00:00:00.98765+00:30"),
            ]))
        #expect(event.text(.title) == "a\u{0}b\n\"😀\"")
        #expect(event.text(.objectName) == "é")
        #expect(event.text(.createdAt) == "2025-12-31T23:30:00.987Z")
        #expect(event.hasGivenTime)
    }

    @Test("The server fills in what the client leaves out")
    func filledIn() throws {
        let event = try decodedEvent(body())
        #expect(event.text(.createdAt) == "2026-11-23T10:30:45.123Z")
        #expect(!event.hasGivenTime)
        let id = try #require(event.text(.id))
        #expect(id.wholeMatch(of: /evt_20261123_103045_[0-9a-f]{16}/) != nil)
        let another = try decodedEvent(body())
        #expect(another.text(.id) != id)
        let given = try decodedEvent(body(["id": quoted("mine")]))
        #expect(given.text(.id) == "mine")
    }

    @Test("One after the other in an array, valid or not")
    func inArray() throws {
        let json = "[ \(body()) , {\"title\":[{}]}, 7 ,\(body(["id": quoted("last")]))]"
        let outcomes = try Array(json.utf8).withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            var outcomes: [Int] = []
            try reader.beginArray()
            while try reader.nextElement() {
                switch try EventDecoder.decode(&reader, now: testMoment) {
                case .event: outcomes.append(0)
                case .invalid(let errors): outcomes.append(errors.count)
                }
            }
            try reader.expectEnd()
            return outcomes
        }
        #expect(outcomes == [0, 3, 1, 0])
    }
}
