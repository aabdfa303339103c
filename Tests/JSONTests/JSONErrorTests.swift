import JSON
import Testing

@Suite("Errors")
struct JSONErrorTests {
    @Test("Line and column count from 1, columns in bytes")
    func positions() {
        let error = skippingError("{\r\n  \"a\": \"é\", x\n}")
        #expect(error?.offset == 16)
        #expect(error?.line == 2)
        #expect(error?.column == 14)
        #expect(
            error?.description
                == "expected a key in double quotes after ',', found 'x' at line 2, column 14")
        #expect(skippingError("[\n\n\n")?.line == 4)
        #expect(skippingError("[\n\n\n")?.column == 1)
        #expect(skippingError("")?.description.hasSuffix("at line 1, column 1") == true)
    }

    @Test(
        "The message tells what was found and what would be right",
        arguments: [
            (#""#, "expected a value, found the end of the text"),
            (#"x"#, "expected a value, found 'x'"),
            ("\u{0}", "expected a value, found byte 0x00"),
            ("é", "expected a value, found byte 0xC3"),
            (
                "\u{FEFF}1",
                "the text starts with a byte order mark (EF BB BF), which JSON cannot have"
            ),
            (#"{"a":1 x"#, "expected ',' or '}' after a value in an object, found 'x'"),
            (#"[1}"#, "expected ',' or ']' after a value in an array, found '}'"),
            (#"{1"#, "expected a key in double quotes or '}', found '1'"),
            (#"{"a":1,}"#, "expected a key in double quotes after ',', found '}'"),
            (#"{"a"1"#, "expected ':' after a key, found '1'"),
            (#"[,"#, "expected a value or ']', found ','"),
            (#"[1,]"#, "expected a value after ',', found ']'"),
            (#"01"#, "a number cannot start with a zero before other digits"),
            (#"+1"#, "expected a value, found '+'"),
            (#"-x"#, "expected a digit after '-', found 'x'"),
            (#"1.x"#, "expected a digit after the decimal point, found 'x'"),
            (#"1e"#, "expected a digit in the exponent, found the end of the text"),
            (#"truE"#, "expected 'true', found 'E'"),
            (#""a"#, "expected '\"' to close the string at offset 0, found the end of the text"),
            ("\"\n\"", "a string cannot hold the control byte 0x0A itself; write it as \\u000A"),
            (#""\x""#, #"expected one of " \ / b f n r t u after '\', found 'x'"#),
            (#""\u00g0""#, #"expected four hexadecimal digits after '\u', found 'g'"#),
            (#""\uDC00""#, "the escape of a low surrogate has no high one before it"),
            (#"1 1"#, "expected the end of the text, found '1'"),
            (#"{"a\n":1,"a\u000a":2}"#, #"the key "a\u000a" occurs twice in one object"#),
        ])
    func messages(text: String, message: String) {
        #expect(skippingError(text)?.message == message)
    }

    @Test("A message does not grow with the text")
    func boundedMessage() {
        let key = "\"" + String(repeating: "k", count: 10_000) + "\""
        #expect(skippingError("{\(key):1,\(key):2}")?.message == "a key occurs twice in one object")
    }

    @Test("A value of another kind is named")
    func kinds() {
        let names = ["an object", "an array", "a string", "a number", "true or false", "null"]
        for (text, name) in zip(["{}", "[]", "\"\"", "1", "true", "null"], names) {
            let errors = [
                error(in: text) { reader throws(JSONError) in try reader.beginObject() },
                error(in: text) { reader throws(JSONError) in try reader.beginArray() },
                error(in: text) { reader throws(JSONError) in _ = try reader.readString() },
                error(in: text) { reader throws(JSONError) in _ = try reader.readNumber() },
                error(in: text) { reader throws(JSONError) in _ = try reader.readBool() },
                error(in: text) { reader throws(JSONError) in try reader.readNull() },
            ]
            let expected = names.map { $0 == name ? nil : "expected \($0), found \(name)" }
            #expect(errors.map { $0?.message } == expected)
        }
    }

    private func error(
        in text: String, _ read: (inout JSONReader) throws(JSONError) -> Void
    ) -> JSONError? {
        withReader(text) { reader in
            do throws(JSONError) {
                try read(&reader)
                return nil
            } catch {
                return error
            }
        }
    }
}
