import Foundation
import JSON
import Testing

/// A text with every feature.
let sample = #"""
    {"id": 123, "text": "a \"b\" \u00e9 \uD83D\uDE00 é 😀", "list": [1, -2.5e+3, true, [], {}],
    "object": {"a": null, "b": {"c": false}}}
    """#

@Suite("Reading")
struct JSONReaderTests {
    @Test("Values are read in order, keys decoded, numbers as written")
    func pull() throws {
        let tree = try JSONTree(whole: Array(sample.utf8))
        #expect(
            tree
                == .object([
                    .init(key: "id", value: .number("123")),
                    .init(key: "text", value: .string("a \"b\" é 😀 é 😀")),
                    .init(
                        key: "list",
                        value: .array([
                            .number("1"), .number("-2.5e+3"), .bool(true), .array([]), .object([]),
                        ])),
                    .init(
                        key: "object",
                        value: .object([
                            .init(key: "a", value: .null),
                            .init(key: "b", value: .object([.init(key: "c", value: .bool(false))])),
                        ])),
                ]))
    }

    @Test(
        "Numbers are unchanged",
        arguments: [
            "12345678901234567890", "1.10", "-0", "-0.0", "1E+400", "0.100000000000000005551115",
            "123456789012345678901234567890.123456789012345678901234567890e-00012",
        ])
    func numbers(_ number: String) throws {
        let asWritten = try withReader(" [\(number) ]") { reader in
            try reader.beginArray()
            #expect(try reader.nextElement())
            return String(decoding: try reader.readNumber(), as: UTF8.self)
        }
        #expect(asWritten == number)
    }

    @Test("A key equals a name of the same text, escaped or not")
    func equals() throws {
        let array = #"["severity", "s\u0065verity", "a", "\u0061", "", "\uD83D\uDE00"]"#
        try withReader(array) { reader in
            try reader.beginArray()
            var strings: [JSONString] = []
            while try reader.nextElement() { strings.append(try reader.readString()) }
            func indices(of text: StaticString) -> [Int] {
                strings.indices.filter { strings[$0].equals(text) }
            }
            #expect(indices(of: "severity") == [0, 1])
            #expect(indices(of: "severitx") == [])
            #expect(indices(of: "severity1") == [])
            #expect(indices(of: "a") == [2, 3])
            #expect(indices(of: "") == [4])
            #expect(indices(of: "😀") == [5])
            #expect(strings.map(\.hasEscapes) == [false, true, false, true, false, true])
            #expect(strings.map(\.offset) == [1, 13, 30, 35, 45, 49])
            #expect(written { strings[1].append(to: &$0) } == "severity")
        }
    }

    @Test("Every escape decodes to its character")
    func escapes() throws {
        let escaped = #""\"\\\/\b\f\n\r\t\u0000\u00DF\u20ac\ud83d\ude00 end""#
        let string = try withReader(escaped) { try $0.readString().string }
        #expect(string == "\"\\/\u{8}\u{C}\n\r\t\0ß€😀 end")
    }

    @Test("The offset is that of the next unread byte")
    func offsets() throws {
        try withReader(#" { "a" : 1 } "#) { reader in
            #expect(reader.offset == 0)
            #expect(try reader.peekKind() == .object)
            #expect(reader.offset == 1)
            try reader.beginObject()
            #expect(reader.offset == 2)
            #expect(try reader.nextKey()?.offset == 3)
            #expect(reader.offset == 8)
            #expect(try reader.skipValue().depth == 0)
            #expect(reader.offset == 10)
            #expect(try reader.nextKey() == nil)
            #expect(reader.offset == 12)
            let atEnd = reader.atEnd()
            #expect(atEnd)
            #expect(reader.offset == 13)
        }
    }

    @Test("A buffer without bytes is an empty text")
    func empty() {
        var reader = JSONReader(UnsafeRawBufferPointer(start: nil, count: 0))
        let atEnd = reader.atEnd()
        #expect(atEnd)
        #expect(throws: JSONError.self) { try reader.peekKind() }
    }

    @Test("Every truncation is refused at its end")
    func truncations() {
        let whole = Array(sample.utf8)
        #expect(skippingError(whole) == nil)
        for length in 0..<whole.count {
            let text = Array(whole[..<length])
            #expect(skippingError(text)?.offset == length)
            #expect(throws: JSONError.self) { try JSONTree(whole: text) }
        }
    }

    @Test("Depth is bounded, for skipping and for reading")
    func depth() {
        func nested(_ depth: Int) -> String {
            let pairs = depth / 2
            let inner = depth % 2 == 1 ? "[]" : "0"
            return String(repeating: #"[{"a":"#, count: pairs) + inner
                + String(repeating: "}]", count: pairs)
        }
        #expect(skippingError(nested(512)) == nil)
        let error = skippingError(nested(513))
        #expect(error?.offset == 256 * 6)
        #expect(error?.message == "values are nested deeper than 512 levels")
        #expect(skippingError("[[]]", depthLimit: 2) == nil)
        #expect(skippingError("[[[]]]", depthLimit: 2)?.offset == 2)
        #expect(skippingError("[[],[[]]]", depthLimit: 2)?.offset == 5)
        #expect(skippingError("1", depthLimit: 0) == nil)
        #expect(skippingError("[]", depthLimit: 0)?.offset == 0)
        withReader("[[[1]]]", depthLimit: 2) { reader in
            #expect(throws: Never.self) {
                try reader.beginArray()
                _ = try reader.nextElement()
                try reader.beginArray()
                _ = try reader.nextElement()
            }
            #expect(throws: reader.error("values are nested deeper than 2 levels", at: 2)) {
                try reader.skipValue()
            }
        }
    }

    @Test("A promised value that is not taken is the caller's defect and traps")
    func misuse() async {
        await #expect(processExitsWith: .failure) {
            trapping(#"{"a":1,"b":2}"#) { reader throws(JSONError) in
                try reader.beginObject()
                _ = try reader.nextKey()
                _ = try reader.nextKey()
            }
        }
        await #expect(processExitsWith: .failure) {
            trapping("[1]") { reader throws(JSONError) in
                try reader.beginArray()
                _ = try reader.readNumber()
            }
        }
        await #expect(processExitsWith: .failure) {
            trapping("[]") { reader throws(JSONError) in
                try reader.beginArray()
                try reader.expectEnd()
            }
        }
    }
}

/// Ends the process with success unless `read` traps. An error would be wrong.
private func trapping(_ text: String, _ read: (inout JSONReader) throws(JSONError) -> Void) {
    withReader(text) { reader in
        do throws(JSONError) { try read(&reader) } catch { exit(EXIT_SUCCESS) }
    }
}
