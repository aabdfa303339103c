import Testing

@testable import EmbedContract

@Suite("The part of YAML that openapi.yaml is written in")
struct YAMLReaderTests {
    private func json(_ yaml: String) throws -> String {
        var output: [UInt8] = []
        try YAMLReader.read(Array(yaml.utf8)).appendJSON(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(
        "is read as YAML 1.2 has it",
        arguments: [
            (
                "a: 1\nb: text # not a comment".replacing(" #", with: "#"),
                #"{"a":1,"b":"text# not a comment"}"#
            ),
            ("# first\na:\n  b: 3.1.0\n\n  c: null\n", #"{"a":{"b":"3.1.0","c":null}}"#),
            ("a:\n- 1\n- b: 2\n  c: 3\n- - 4\nd: 5", #"{"a":[1,{"b":2,"c":3},[4]],"d":5}"#),
            ("a: |\n  one\n    two\n\n  three\n\nb: 1", #"{"a":"one\n  two\n\nthree\n","b":1}"#),
            ("a: >-\n  one\n  two\nb: 1", #"{"a":"one two","b":1}"#),
            (
                #"{a: 'it''s', "b": "q\"\n", c: [], d: {}, e: [1, x y]}"#,
                #"{"a":"it's","b":"q\"\n","c":[],"d":{},"e":[1,"x y"]}"#
            ),
            ("- &x\n  a: 1\n- &y [2]\n- *x\n- {b: *y}", #"[{"a":1},[2],{"a":1},{"b":[2]}]"#),
            ("'200': true\n\"b c\": http://x:80/", #"{"200":true,"b c":"http://x:80/"}"#),
        ])
    func accepted(_ yaml: String, _ expected: String) throws {
        #expect(try json(yaml) == expected)
    }

    @Test(
        "is left with an error that names the line",
        arguments: [
            ("a: 1\nb: no", 2), ("a: Yes", 1), ("a: 1.5", 1), ("a: 007", 1), ("a: ~", 1),
            ("200: a", 1),
            ("a: b: c", 1), ("a: b # c", 1), ("a: 1\na: 2", 2), ("a: 'b", 1), (#"a: "\x""#, 1),
            ("a: [1", 1),
            ("a: {b: 1", 1), ("a: {b}", 1), ("a: [1] 2", 1), ("a: *b", 1), ("a: !!str b", 1),
            ("a: one\n  two", 2),
            ("a:\n  b: 1\n c: 2", 3), ("a: >\n  b", 1), ("a: |-\n  b", 1), ("a: >-\n  b\n\n  c", 4),
        ])
    func refused(_ yaml: String, _ line: Int) {
        let error = #expect(throws: YAMLError.self) { try json(yaml) }
        #expect(error?.line == line)
    }
}
