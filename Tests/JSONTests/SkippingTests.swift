import Foundation
import JSON
import Testing

@Suite("Skipping")
struct SkippingTests {
    @Test(
        "A slice knows its depth and if it has white space",
        arguments: [
            ("1", 0, false), (" \"a b\" ", 0, false), ("{}", 1, false), ("{ }", 1, true),
            ("[[],{}]", 2, false), ("[{\"a\":[1]},2]", 3, false), ("[1, 2]", 1, true),
            ("{\"a\" :1}", 1, true), ("{\"a\":\n1}", 1, true), ("[1\t]", 1, true),
            ("  [\"a b\"]  ", 1, false),
        ])
    func shape(text: String, depth: Int, hasWhitespace: Bool) throws {
        try withReader(text) { reader in
            let slice = try reader.skipValue()
            try reader.expectEnd()
            #expect(slice.depth == depth)
            #expect(slice.hasWhitespace == hasWhitespace)
            let trimmed = text.trimmingCharacters(in: .whitespaces)
            #expect(String(decoding: slice.raw, as: UTF8.self) == trimmed)
        }
    }

    @Test("Depth counts from the value that is skipped")
    func innerDepth() throws {
        try withReader(#"{"a": {"b": [1]}, "c": 1}"#) { reader in
            try reader.beginObject()
            #expect(try reader.nextKey()?.string == "a")
            #expect(try reader.skipValue().depth == 2)
            #expect(try reader.nextKey()?.string == "c")
            #expect(try reader.skipValue().depth == 0)
            #expect(try reader.nextKey() == nil)
            try reader.expectEnd()
        }
    }

    @Test("Compact text lacks the white space between tokens and nothing else")
    func compact() throws {
        let spaced =
            " {\r\n\t\"a b\" : [ 1.10 , "
            + #""\" [ ] \\" , { } , "é 😀 " ] , "c" : true } "#
        let expected = #"{"a b":[1.10,"\" [ ] \\",{},"é 😀 "],"c":true}"#
        let compacted = try withReader(spaced) { reader in
            let slice = try reader.skipValue()
            return written { slice.appendCompact(to: &$0) }
        }
        #expect(compacted == expected)
        let again = try withReader(expected) { reader in
            let slice = try reader.skipValue()
            #expect(!slice.hasWhitespace)
            return written { slice.appendCompact(to: &$0) }
        }
        #expect(again == expected)
    }

    @Test(
        "A key that occurs twice is refused where it occurs again",
        arguments: [
            (#"{"a":1,"a":2}"#, 7),
            (#"{"a":1,"\u0061":2}"#, 7),
            (#"{"\u0061":1,"a":2}"#, 12),
            (#"{"\u0061":1,"\u0061":2}"#, 12),
            (#"{"\/":1,"/":2}"#, 8),
            (#"{"😀":1,"\ud83d\uDE00":2}"#, 10),
            (#"{"":1,"":2}"#, 6),
            (#"[{"a":1},{"b":1,"a":[],"b":2}]"#, 23),
            (#"{"a":{"a":1,"b":{"a":1}},"a":2}"#, 25),
            (#"{"a":1,"a":2,x}"#, 7),
        ])
    func duplicates(text: String, offset: Int) {
        #expect(skippingError(text)?.offset == offset)
    }

    @Test(
        "Keys that only look alike are different",
        arguments: [
            #"{"a":1,"A":2}"#,
            #"{"a":1,"a ":2}"#,
            #"{"12345678a":1,"12345678b":2}"#,
            #"{"\\u0061":1,"a":2}"#,
            #"{"\u00e9":1,"e\u0301":2}"#,
            #"{"a":{"a":{"a":1}},"b":{"a":1}}"#,
            #"[{"a":1},{"a":1}]"#,
        ])
    func noDuplicates(text: String) {
        #expect(skippingError(text) == nil)
    }

    @Test("Duplicates are found in objects of any size", arguments: [2, 15, 16, 17, 18, 40, 1_000])
    func sizes(count: Int) {
        // Each value is an object with the same keys, so objects of all sizes are open at once.
        let keys = (0..<count).map { "\"key\($0)\":{\"key0\":0}" }
        #expect(skippingError("{" + keys.joined(separator: ",") + "}") == nil)
        for twice in [0, count / 2, count - 1] {
            let start = "{" + keys.joined(separator: ",") + ","
            #expect(skippingError(start + "\"key\(twice)\":1}")?.offset == start.utf8.count)
            #expect(skippingError(start + "\"\\u006Bey\(twice)\":1}")?.offset == start.utf8.count)
        }
    }

    @Test("A hostile object of very many keys is gone through promptly")
    func hostileObject() {
        // Comparing each key with each would take minutes.
        let start = bytes { output in
            output.append("{")
            for number in 0..<60_000 {
                output.append(number % 8 == 0 ? "\"\\u006b" : "\"k")
                output.appendInteger(number)
                output.append("\":0,")
            }
        }
        #expect(skippingError(start + Array("\"k8\":0}".utf8))?.offset == start.count)
    }

    @Test("Many open objects with many keys each are gone through promptly")
    func hostileNesting() {
        let opening = bytes { output in
            for _ in 0..<500 {
                output.append("{")
                for number in 0..<100 {
                    output.append("\"")
                    output.appendInteger(number)
                    output.append("\":0,")
                }
                output.append("\"x\":")
            }
        }
        let closing = [UInt8](repeating: UInt8(ascii: "}"), count: 500)
        #expect(skippingError(opening + Array("1".utf8) + closing) == nil)
    }

    @Test("An object and those around it have so many keys at most, wherever they are")
    func manyKeys() {
        let most = 65_536
        func object(_ count: Int, last value: String = "0") -> String {
            let keys = (0..<count).map { "\"\($0)\":\($0 == count - 1 ? value : "0")" }
            return "{" + keys.joined(separator: ",") + "}"
        }
        #expect(skippingError(object(most)) == nil)
        let error = skippingError(object(most + 1))
        #expect(error?.message == "an object and those around it have more than 65536 keys")
        #expect(error?.offset == object(most).utf8.count)
        // Keys of open objects count, whether they are compared one by one or hashed.
        for outer in [10, 100, most / 2] {
            #expect(skippingError(object(outer, last: object(most - outer))) == nil)
            #expect(skippingError(object(outer, last: object(most - outer + 1))) != nil)
            let closed = "[\(object(outer)),{\"a\":\(object(outer))},\(object(most))]"
            #expect(skippingError(closed) == nil)
        }
    }
}
