import Testing

@testable import HTTPServer

@Suite("Bytes")
struct BytesTests {
    @Test("Token characters are those of RFC 9110, 5.6.2, and no other byte")
    func token() {
        let token = Set("!#$%&'*+-.^_`|~0123456789".utf8)
            .union(UInt8(ascii: "a")...UInt8(ascii: "z"))
            .union(UInt8(ascii: "A")...UInt8(ascii: "Z"))
        for byte in UInt8.min...UInt8.max {
            #expect(ASCII.isToken(byte) == token.contains(byte), "\(byte)")
        }
    }

    @Test("Hexadecimal digits are 22, each with its value")
    func hexadecimal() {
        for byte in UInt8.min...UInt8.max {
            let text = String(UnicodeScalar(byte))
            let value = byte < 128 && byte != UInt8(ascii: "+") ? UInt8(text, radix: 16) : nil
            #expect(ASCII.hexValue(byte) == value, "\(byte)")
        }
    }

    @Test("Letter case is that of ASCII alone")
    func letterCase() {
        #expect("ChUnKeD".withBytes { $0.equalsIgnoringCase("chunked") })
        #expect(!"chunke".withBytes { $0.equalsIgnoringCase("chunked") })
        // With Unicode case folding, a Kelvin sign equals a K.
        #expect(!"chun\u{212A}ed".withBytes { $0.equalsIgnoringCase("chunked") })
        // "@" and "`", "[" and "{" differ in the same bit as letters do.
        #expect(!"@[".withBytes { $0.equalsIgnoringCase("`{") })
    }

    @Test(
        "Blanks are trimmed at both ends",
        arguments: [("", ""), (" \t", ""), ("a", "a"), ("\ta b ", "a b")])
    func trimming(text: String, trimmed: String) {
        #expect(text.withBytes { Array($0.trimmingBlanks()) } == Array(trimmed.utf8))
    }

    @Test("The first offset of a byte, from a start that may be the end")
    func firstOffset() {
        "abca".withBytes { bytes in
            let letter = UInt8(ascii: "a")
            #expect(bytes.firstOffset(of: letter) == 0)
            #expect(bytes.firstOffset(of: letter, from: 1) == 3)
            #expect(bytes.firstOffset(of: letter, from: 4) == nil)
            #expect(bytes.firstOffset(of: UInt8(ascii: "x")) == nil)
        }
    }

    @Test("Numbers in decimal", arguments: [0, 9, 10, 1_234_567, Int.max])
    func decimal(number: Int) {
        var bytes: [UInt8] = []
        bytes.appendDecimal(number)
        #expect(bytes == Array("\(number)".utf8))
    }
}
