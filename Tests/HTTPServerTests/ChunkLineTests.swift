import Testing

@testable import HTTPServer

@Suite("ChunkLine")
struct ChunkLineTests {
    @Test(
        "Sizes, with and without extensions",
        arguments: [
            ("0", 0), ("5", 5), ("a", 10), ("A", 10), ("fF", 255), ("00000000000000000000010", 16),
            ("7fffffff", 0x7FFF_FFFF), ("ffffffff", 0xFFFF_FFFF), ("5;a", 5), ("5;a=b", 5),
            ("5;a=\"b;c=\\\"\"", 5), ("5;a;b=c;d=\"\"", 5),
        ])
    func size(line: String, size: Int) throws {
        #expect(try line.withBytes(ChunkLine.parseSize) == size)
    }

    @Test("The largest size leaves room to add to it")
    func largest() throws {
        let largest = try "7fffffffffffff".withBytes(ChunkLine.parseSize)
        #expect(largest == 0x7F_FFFF_FFFF_FFFF)
        #expect(throws: HTTPError.self) { try "8000000000000000".withBytes(ChunkLine.parseSize) }
        #expect(throws: HTTPError.self) { try "10000000000000005".withBytes(ChunkLine.parseSize) }
    }

    @Test(
        "An invalid size line is refused",
        arguments: [
            "", ";a", "g", "0x5", "+5", "-5", " 5", "5 ", "5\t", "5.", "5;", "5;;a", "5;=b", "5;a=",
            "5; a", "5;a =b", "5;a= b", "5;a=b c", "5;a=\"b", "5;a=\"b\\", "5;a=\"b\"c", "5;a\r",
            "5;a\nb", "5;a=\"\n\"", "5;a=\"\\\r\"", "5;a=\"\u{7F}\"", "5\0", "5;\0", "5;é",
        ])
    func malformed(line: String) {
        let error = #expect(throws: HTTPError.self) { try line.withBytes(ChunkLine.parseSize) }
        #expect(error?.status == .badRequest)
    }
}
