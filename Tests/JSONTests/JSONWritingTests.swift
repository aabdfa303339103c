import JSON
import TestSupport
import Testing

@Suite("Writing")
struct JSONWritingTests {
    @Test("Only what must be escaped is escaped, in the short form where there is one")
    func escapes() {
        var expected: [UInt8: String] = [
            0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r",
            UInt8(ascii: "\""): "\\\"", UInt8(ascii: "\\"): "\\\\",
        ]
        for byte: UInt8 in 0..<0x20 where expected[byte] == nil {
            expected[byte] = "\\u00" + (byte < 0x10 ? "0" : "1") + "0123456789ABCDEF".hexDigit(byte)
        }
        for byte: UInt8 in 0...0x7F {
            let plain = String(Unicode.Scalar(byte))
            // At every position in a word of eight bytes, with text around it.
            for place in 0...9 {
                let before = String(repeating: "a", count: place)
                let output = written { $0.appendJSONString(before + plain + "bc") }
                #expect(output == "\"" + before + (expected[byte] ?? plain) + "bc\"")
            }
        }
    }

    @Test(
        "Text that is not ASCII stays as it is",
        arguments: ["é", "日本語のテキスト", "😀😀", "a\u{2028}\u{7F}b"])
    func unicode(string: String) {
        #expect(written { $0.appendJSONString(string) } == "\"\(string)\"")
    }

    @Test("All ways to give text write the same")
    func overloads() {
        let string: StaticString = "a\"\n😀"
        let expected = #""a\"\n😀""#
        #expect(written { $0.appendJSONString(string) } == expected)
        #expect(written { $0.appendJSONString(String(describing: string)) } == expected)
        let utf8 = Array(String(describing: string).utf8)
        let fromBytes = written { output in
            utf8.withUnsafeBytes { output.appendJSONString($0) }
        }
        #expect(fromBytes == expected)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(written { $0.appendJSONString(nothing) } == "\"\"")
        #expect(written { $0.appendJSONString("") } == "\"\"")
        #expect(written { $0.append(",") } == ",")
        #expect(written { $0.append("") } == "")
    }

    @Test("Bytes that are not UTF-8 become U+FFFD, as String makes them")
    func repair() throws {
        var generator = SeededGenerator(seed: 1)
        let pool: [UInt8] = [
            0x41, 0x22, 0x0A, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF,
            0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
        ]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...12, using: &generator)
            let text = (0..<count).map { _ in pool.randomElement(using: &generator)! }
            let written = bytes { output in text.withUnsafeBytes { output.appendJSONString($0) } }
            let read = try withReader(written) { try $0.readString().string }
            let wanted = String(decoding: text, as: UTF8.self)
            #expect(read.utf8.elementsEqual(wanted.utf8), "\(text)")
        }
    }

    @Test(
        "Integers are decimal",
        arguments: [0, 1, -1, 9, 10, -10, 99, 100, 1_234_567_890, Int.max, Int.min])
    func integers(value: Int) {
        #expect(written { $0.appendInteger(value) } == String(value))
    }

    @Test("Appending keeps the content")
    func appends() {
        let output = written { output in
            output.append(#"{"id":"#)
            output.appendInteger(-42)
            output.append(#","title":"#)
            output.appendJSONString("A \"b\"")
            output.append("}")
        }
        #expect(output == #"{"id":-42,"title":"A \"b\""}"#)
    }
}

extension String {
    fileprivate func hexDigit(_ byte: UInt8) -> String {
        String(self[index(startIndex, offsetBy: Int(byte & 0xF))])
    }
}
