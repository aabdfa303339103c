import Testing

@testable import Ingest

@Suite("Wire format of protocol buffers")
struct ProtobufReaderTests {
    /// The fields as text, then the error, if there is one.
    private func words(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBytes { bytes in
            var reader = ProtobufReader(bytes)
            var words: [String] = []
            do throws(ProtobufError) {
                while let field = try reader.next() {
                    let value =
                        (try? "\(field.varint())") ?? (try? "\(field.fixed64())")
                        ?? (try? "\(field.fixed32())") ?? (try? field.text()) ?? "none"
                    words.append("\(field.number):\(value)")
                }
            } catch {
                words.append("\(error)")
            }
            return words
        }
    }

    // https://protobuf.dev/programming-guides/encoding/
    @Test("The examples of the specification")
    func examples() {
        #expect(words([0x08, 0x96, 0x01]) == ["1:150"])
        #expect(
            words([0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6E, 0x67]) == ["2:testing"])
        #expect(words([0x09, 1, 0, 0, 0, 0, 0, 0, 0]) == ["1:1"])
        #expect(words([0x0D, 0, 1, 0, 0]) == ["1:256"])
        #expect(words([0x08] + Array(repeating: 0xFF, count: 9) + [1]) == ["1:\(UInt64.max)"])
        #expect(words([]) == [])
    }

    @Test("What is not in the format")
    func broken() {
        for cut: [UInt8] in [
            [0x08], [0x08, 0x80], [0x12], [0x12, 1], [0x09, 1, 2, 3], [0x0D, 1, 2, 3],
            [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            [0x12, 0x80, 0x80, 0x80, 0x80, 8],
        ] {
            #expect(words(cut) == ["the message breaks off"], "\(cut)")
        }
        let long = [0x08] + Array(repeating: UInt8(0xFF), count: 9)
        #expect(words(long + [2]) == ["a number is longer than 64 bits"])
        #expect(words(long + [0x80, 1]) == ["a number is longer than 64 bits"])
        #expect(words([0x00, 1]) == ["there is no field 0"])
        #expect(words([0x0B]) == ["field 1 has the unknown type 3"])
        #expect(words([0x0F]) == ["field 1 has the unknown type 7"])
    }

    @Test("A field of another type is an error where it is read")
    func types() throws {
        try [UInt8]([0x08, 1]).withUnsafeBytes { bytes in
            var reader = ProtobufReader(bytes)
            let field = try #require(try reader.next())
            #expect(throws: ProtobufError.self) { try field.bytes() }
            #expect(throws: ProtobufError.self) { try field.fixed64() }
            #expect(throws: ProtobufError.self) { try field.fixed32() }
            #expect(try field.varint() == 1)
        }
    }
}
