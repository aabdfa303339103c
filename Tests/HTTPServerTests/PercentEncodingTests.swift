import Testing

@testable import HTTPServer

@Suite("PercentEncoding")
struct PercentEncodingTests {
    @Test(
        "Decoding happens once",
        arguments: [
            ("", ""), ("abc", "abc"), ("%61%62%63", "abc"), ("a%2Fb", "a/b"), ("a%2fb", "a/b"),
            ("%2525", "%25"), ("a+b", "a+b"), ("%C3%A9", "é"), ("%00", "\0"), ("%41", "A"),
        ])
    func decode(text: String, decoded: String) {
        #expect(text.withBytes { PercentEncoding.decode($0) } == Array(decoded.utf8))
    }

    @Test("A plus sign is a space if so configured, an encoded one never")
    func plus() {
        #expect(
            "a+b%2Bc".withBytes { PercentEncoding.decode($0, plusIsSpace: true) }
                == Array("a b+c".utf8))
        #expect("a+b%2Bc".withBytes { PercentEncoding.decode($0) } == Array("a+b+c".utf8))
    }

    @Test(
        "Invalid escapes stay, and nothing after the end is read",
        arguments: ["%", "%4", "%zz", "a%"])
    func malformed(text: String) {
        #expect(text.withBytes { PercentEncoding.decode($0) } == Array(text.utf8))
    }

    @Test(
        "All but unreserved characters are encoded",
        arguments: [
            ("azAZ09-._~", "azAZ09-._~"), ("a b", "a%20b"), ("a/b?c#d%", "a%2Fb%3Fc%23d%25"),
            ("é", "%C3%A9"), ("\r\n\0", "%0D%0A%00"), ("+", "%2B"),
        ])
    func encode(text: String, encoded: String) {
        #expect(PercentEncoding.encode(text.utf8) == Array(encoded.utf8))
    }

    @Test("Every byte is returned")
    func roundTrip() {
        let bytes = Array(UInt8.min...UInt8.max)
        let decoded = PercentEncoding.encode(bytes).withUnsafeBytes { PercentEncoding.decode($0) }
        #expect(decoded == bytes)
    }
}
