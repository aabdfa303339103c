import Testing

@testable import HTTPServer

@Suite("HeaderLine")
struct HeaderLineTests {
    @Test(
        "Name and value, the blanks around the value left out",
        arguments: [
            ("X: y", "X", "y"), ("X:y", "X", "y"), ("X:", "X", ""), ("X: \t ", "X", ""),
            ("X:\t y z \t", "X", "y z"), ("X: y:z", "X", "y:z"), ("X: a\tb", "X", "a\tb"),
            ("!#$%&'*+-.^_`|~09azAZ: é", "!#$%&'*+-.^_`|~09azAZ", "é"),
        ])
    func parse(line: String, name: String, value: String) throws {
        let field = try line.withBytes { bytes throws(HTTPError) in
            try HeaderLine.parse(bytes, 0..<bytes.count)
        }
        let bytes = Array(line.utf8)
        #expect(bytes[field.name] == Array(name.utf8)[...])
        #expect(bytes[field.value] == Array(value.utf8)[...])
    }

    @Test(
        "An invalid field line is refused",
        arguments: [
            "X", "X y", ":", ": y", " X: y", "\tX: y", "X : y", "X\t: y", "X\0: y", "X\r: y",
            "é: y",
            "X: \0", "X: \r", "X: y\r", "X: \ny", "X: \u{B}", "X: \u{7F}", "X(: y", "X@Y: z",
        ])
    func malformed(line: String) {
        let error = #expect(throws: HTTPError.self) {
            try line.withBytes { bytes throws(HTTPError) in
                _ = try HeaderLine.parse(bytes, 0..<bytes.count)
            }
        }
        #expect(error?.status == .badRequest)
    }

    @Test("The detail names the blank that should not be there")
    func detail() {
        func detail(_ line: String) -> String? {
            let error = #expect(throws: HTTPError.self) {
                try line.withBytes { bytes throws(HTTPError) in
                    _ = try HeaderLine.parse(bytes, 0..<bytes.count)
                }
            }
            return error?.detail
        }
        #expect(detail("X : y")?.contains("White space") == true)
        #expect(detail(" y")?.contains("folded") == true)
        #expect(detail("X")?.contains("colon") == true)
    }

    @Test(
        "Lengths",
        arguments: [
            ("0", 0), ("5", 5), ("005", 5), ("4294967296", 4_294_967_296),
            ("9223372036854775799", 9_223_372_036_854_775_799),
        ])
    func length(text: String, length: Int) throws {
        #expect(try text.withBytes(HeaderLine.parseLength) == length)
    }

    @Test(
        "An invalid length is refused",
        arguments: [
            "", " 5", "5 ", "+5", "-5", "0x5", "5,5", "5.0", "1e3", "five", "５",
            "9223372036854775808",
            "18446744073709551616", "18446744073709551621", "99999999999999999999999999",
        ])
    func malformedLength(text: String) {
        let error = #expect(throws: HTTPError.self) { try text.withBytes(HeaderLine.parseLength) }
        #expect(error?.status == .badRequest)
    }
}
