import Testing

@testable import Events

@Suite("MetadataFilter")
struct MetadataFilterTests {
    private static func admits(
        _ metadata: String?, _ path: String, _ values: String...
    ) throws -> Bool {
        let filter = try MetadataFilter("metadata." + path, values)
        let matcher = MetadataMatcher([filter])
        guard let metadata else { return matcher.admits(nil) }
        return Array(metadata.utf8).withUnsafeBytes { matcher.admits($0) }
    }

    @Test("Several are tested in one pass, whatever they share of their paths")
    func several() throws {
        func admits(_ metadata: String, _ wanted: (String, String)...) throws -> Bool {
            let matcher = MetadataMatcher(
                try wanted.map { try MetadataFilter("metadata." + $0.0, [$0.1]) })
            return Array(metadata.utf8).withUnsafeBytes { matcher.admits($0) }
        }
        let metadata = #"{"a":{"b":1,"c":"x","b.c":2},"a.b":"y","d":[1],"e":{"f":{"g":null}}}"#
        #expect(try admits(metadata, ("a.b", "1"), ("a.c", "x"), ("e.f.g", "null")))
        #expect(try admits(metadata, ("a.b", "y"), ("a.b.c", "2")))
        #expect(try !admits(metadata, ("a.b", "1"), ("a.c", "y")))
        #expect(try !admits(metadata, ("a", "1"), ("a.b", "1")))
        #expect(try !admits(metadata, ("d", "[1]"), ("a.b", "1")))
        let eight = (0..<8).map { ("k\($0)", "\($0)") }
        let matcher = MetadataMatcher(
            try eight.map { try MetadataFilter("metadata." + $0.0, [$0.1]) })
        let all = "{" + eight.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
        #expect(Array(all.utf8).withUnsafeBytes { matcher.admits($0) })
        let fewer = all.replacing("\"k7\":7", with: "\"k7\":8")
        #expect(!Array(fewer.utf8).withUnsafeBytes { matcher.admits($0) })
    }

    @Test("A query has eight of them, and not nine")
    func bound() throws {
        func query(_ count: Int) throws -> EventQuery {
            try EventQuery(
                (0..<count).map { (name: "metadata.k\($0)", value: "v") },
                now: Timestamp(milliseconds: 0)!)
        }
        #expect(try query(8).conditions.metadata.count == 8)
        #expect(throws: QueryError.self) { try query(9) }
    }

    @Test(
        "Strings are compared as text, other scalars as they are written",
        arguments: [
            (#"{"a":"b"}"#, "b"), (#"{"a":"\u0062"}"#, "b"), (#"{"a":"b\"\n"}"#, "b\"\n"),
            (#"{"a":""}"#, ""), (#"{"a":1.10}"#, "1.10"), (#"{"a":"1.10"}"#, "1.10"),
            (#"{"a":-1E+2}"#, "-1E+2"), (#"{"a":12345678901234567890}"#, "12345678901234567890"),
            (#"{"a":true}"#, "true"), (#"{"a":false}"#, "false"), (#"{"a":null}"#, "null"),
            (#"{"a":"null"}"#, "null"), (#"{ "a" : 1 }"#, "1"),
        ])
    func equal(metadata: String, value: String) throws {
        #expect(try Self.admits(metadata, "a", value))
        #expect(try Self.admits(metadata, "a", "other", value))
        #expect(try !Self.admits(metadata, "a", value + "x"))
        #expect(try !Self.admits(metadata, "A", value))
        #expect(try !Self.admits(metadata, "a.a", value))
    }

    @Test(
        "Differently written values are not equal, and values that are not scalars equal nothing",
        arguments: [
            (#"{"a":1.10}"#, "1.1"), (#"{"a":1e2}"#, "100"), (#"{"a":"b"}"#, "\"b\""),
            (#"{"a":{}}"#, "{}"), (#"{"a":[]}"#, "[]"), (#"{"a":["b"]}"#, "b"),
            (#"{"a":"é"}"#, "e\u{301}"), (#"{}"#, "null"), (#"{"a":"B"}"#, "b"),
            (#"{"b":"b"}"#, "b"), (#"[{"a":"b"}]"#, "b"), (#""a""#, "a"), ("", "b"), ("{", "b"),
            (#"{"x":tru,"a":"b"}"#, "b"),
        ])
    func unequal(metadata: String, value: String) throws {
        #expect(try !Self.admits(metadata, "a", value))
    }

    @Test("Null has no paths")
    func null() throws { #expect(try !Self.admits(nil, "a", "null")) }

    @Test(
        "A path goes from key to key, and keys may have dots",
        arguments: [
            #"{"a":{"b":{"c":1}}}"#, #"{"a.b":{"c":1}}"#, #"{"a":{"b.c":1}}"#, #"{"a.b.c":1}"#,
            #"{"a":2,"a.b":{"c":2},"a.b.c":1}"#, #"{"a":{"b":{"c":2},"b.c":1}}"#,
            #"{"\u0061":{"\u0062.c":1}}"#, #"{"a":[{"b":2}],"x":{"a":{}},"a.b":{"c":1}}"#,
        ])
    func paths(metadata: String) throws {
        #expect(try Self.admits(metadata, "a.b.c", "1"))
        for path in ["a", "a.b", "b.c", "c", "a.b.c.d", "a.b.cc", "a..b.c", ".a.b.c", "a.b.c."] {
            #expect(try !Self.admits(metadata, path, "1"), "\(path)")
        }
    }

    @Test("Empty keys have their place")
    func emptyKeys() throws {
        #expect(try Self.admits(#"{"":{"a":1}}"#, ".a", "1"))
        #expect(try Self.admits(#"{"a":{"":1}}"#, "a.", "1"))
    }

    @Test("Metadata nested as deep as may be, and deeper")
    func depth() throws {
        for depth in [1, 64, 512, 100_000] {
            let metadata =
                String(repeating: #"{"a":"#, count: depth) + "1"
                + String(repeating: "}", count: depth)
            let path = Array(repeating: "a", count: depth).joined(separator: ".")
            #expect(try Self.admits(metadata, path, "1") == (depth <= 512))
        }
    }
}
