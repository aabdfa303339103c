import Foundation
import TestSupport
import Testing

@testable import Ingest

@Suite("Decoding a text")
struct TextDecoderTests {
    private func decoded(_ bytes: [UInt8], pieces: Int) -> [UInt8] {
        var decoder = TextDecoder()
        var output: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            decoder.decode(rest.prefix(pieces), to: &output)
            rest = rest.dropFirst(pieces)
        }
        decoder.end(to: &output)
        return output
    }

    private func utf16(_ text: String, _ isBigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let bytes = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
            return isBigEndian ? bytes : bytes.reversed()
        }
    }

    @Test("Whatever the pieces, UTF-8 and UTF-16 are the same text", arguments: [1, 2, 3, 5, 1000])
    func same(_ pieces: Int) {
        var generator = SeededGenerator(seed: 7)
        for text in ["", "x", "é", "\u{1F600}", generator.text(50...50)] {
            let bytes = Array(text.utf8)
            #expect(decoded(bytes, pieces: pieces) == bytes)
            #expect(decoded([0xEF, 0xBB, 0xBF] + bytes, pieces: pieces) == bytes)
            #expect(decoded([0xFF, 0xFE] + utf16(text, false), pieces: pieces) == bytes)
            #expect(decoded([0xFE, 0xFF] + utf16(text, true), pieces: pieces) == bytes)
        }
    }

    @Test("Half of a character becomes U+FFFD", arguments: [1, 2, 1000])
    func halves(_ pieces: Int) {
        let replacement = Array("a\u{FFFD}b".utf8)
        #expect(
            decoded([0xFF, 0xFE, 0x61, 0, 0x00, 0xD8, 0x62, 0], pieces: pieces) == replacement)
        #expect(
            decoded([0xFF, 0xFE, 0x61, 0, 0x00, 0xD8], pieces: pieces)
                == Array("a\u{FFFD}".utf8))
        #expect(decoded([0xFF, 0xFE, 0x61, 0, 0x62], pieces: pieces) == Array("a".utf8))
        #expect(decoded([0xEF], pieces: pieces) == [0xEF])
        #expect(decoded([0xFF, 0x41], pieces: pieces) == [0xFF, 0x41])
    }
}
