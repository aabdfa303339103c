import HTTP
import TestSupport
import Testing

@Suite("Opening compressed bodies")
struct InflaterTests {
    /// The body that comes in pieces of some bytes and goes out in such; and if it was whole.
    private func inflated(
        _ body: [UInt8], _ coding: Inflater.Coding, pieces: Int = .max, limit: Int = 65_536
    ) throws -> (bytes: [UInt8], isWhole: Bool) {
        let inflater = Inflater(coding)
        var output: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            var piece = Array(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            while !piece.isEmpty || inflater.hasMore {
                let before = output.count
                let taken = try piece.withUnsafeBytes {
                    try inflater.inflate($0, into: &output, limit: limit)
                }
                #expect(output.count - before <= limit)
                piece.removeFirst(taken)
            }
        }
        return (output, inflater.isWhole)
    }

    private static let text: [UInt8] = {
        var generator = SeededGenerator(seed: 3)
        return (0..<500).flatMap { _ in Array(generator.text(0...40).utf8) }
    }()

    @Test("Whatever the pieces, the body is the same", arguments: [1, 7, .max], [1, 100, 65_536])
    func pieces(_ pieces: Int, _ limit: Int) throws {
        let text = Self.text
        let bodies: [([UInt8], Inflater.Coding)] = [
            (Compression.gzip(text), .gzip), (Compression.deflate(text), .deflate),
            (Compression.rawDeflate(text), .deflate),
        ]
        for (body, coding) in bodies {
            let result = try inflated(body, coding, pieces: pieces, limit: limit)
            #expect(result.bytes == text)
            #expect(result.isWhole)
        }
    }

    @Test("Several members of gzip are one body; nothing follows deflate")
    func members() throws {
        let one = Compression.gzip(Array("one".utf8))
        let two = Compression.gzip(Array("two".utf8))
        let empty = Compression.gzip([])
        for pieces in [1, .max] {
            let result = try inflated(one + empty + two, .gzip, pieces: pieces)
            #expect(String(decoding: result.bytes, as: UTF8.self) == "onetwo")
            #expect(result.isWhole)
        }
        #expect(throws: Inflater.Failure.corrupt) { try inflated(one + [0, 0], .gzip) }
        #expect(throws: Inflater.Failure.corrupt) {
            try inflated(Compression.deflate(Self.text) + [1], .deflate)
        }
    }

    @Test("What breaks off is not whole; what is corrupt is refused")
    func broken() throws {
        let body = Compression.gzip(Self.text)
        for count in [1, 5, 10, 100, body.count - 1] {
            #expect(try !inflated(Array(body.prefix(count)), .gzip).isWhole)
        }
        #expect(try !inflated([], .gzip).isWhole)
        var wrongCheck = body
        wrongCheck[body.count - 5] ^= 1
        for wrong in [wrongCheck, Array("no gzip".utf8), Compression.deflate(Self.text)] {
            #expect(throws: Inflater.Failure.corrupt) { try inflated(wrong, .gzip) }
        }
    }

    @Test("A body expands to 200 times its size, or 1 MiB, and no further")
    func bomb() throws {
        let zeros = Compression.gzip([UInt8](repeating: 0x20, count: Inflater.freeBytes))
        #expect(zeros.count * Inflater.mostExpansion < Inflater.freeBytes)
        #expect(try inflated(zeros, .gzip).bytes.count == Inflater.freeBytes)
        let more = Compression.gzip([UInt8](repeating: 0x20, count: Inflater.freeBytes + 1))
        #expect(throws: Inflater.Failure.expandsTooFar) { try inflated(more, .gzip) }
        #expect(throws: Inflater.Failure.expandsTooFar) {
            try inflated(zeros + zeros, .gzip, pieces: 100, limit: 100)
        }
    }
}
