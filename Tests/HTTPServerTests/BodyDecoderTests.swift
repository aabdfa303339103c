import Testing

@testable import HTTPServer

@Suite("BodyDecoder")
struct BodyDecoderTests {
    private struct Decoded {
        var body: [UInt8] = []
        var taken = 0
        var isDone = false
    }

    /// Decodes `text` in pieces of `size` bytes.
    private func decode(
        _ text: String, as framing: RequestHead.Framing, size: Int = .max,
        limits: HTTPLimits = HTTPLimits()
    ) throws(HTTPError) -> Decoded {
        var decoder = BodyDecoder(framing)
        var decoded = Decoded()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty, !decoder.isDone {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(piece.count)
            decoded.taken += try piece.span.withUnsafeBytes { bytes throws(HTTPError) in
                try decoder.decode(bytes, limits: limits) { decoded.body.append(contentsOf: $0) }
            }
        }
        decoded.isDone = decoder.isDone
        return decoded
    }

    private func status(
        _ text: String, size: Int = .max, limits: HTTPLimits = HTTPLimits()
    ) -> HTTPStatus? {
        do throws(HTTPError) {
            _ = try decode(text, as: .chunked, size: size, limits: limits)
            return nil
        } catch {
            return error.status
        }
    }

    @Test("No body is done before it begins")
    func none() throws {
        #expect(BodyDecoder(.none).isDone)
        #expect(try decode("abc", as: .none).taken == 0)
    }

    @Test("A known length is taken, and no byte more", arguments: [1, 2, 3, Int.max])
    func length(size: Int) throws {
        let decoded = try decode("hello, world", as: .length(5), size: size)
        #expect(decoded.body == Array("hello".utf8))
        #expect(decoded.isDone)
        // The last piece may hold bytes after the body.
        #expect(decoded.taken == 5)
    }

    @Test("A length that is not reached is not done")
    func short() throws {
        #expect(try !decode("hell", as: .length(5)).isDone)
    }

    @Test("Chunks are put together, and trailers dropped", arguments: [1, 2, 3, 7, Int.max])
    func chunks(size: Int) throws {
        let body = "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n"
        let decoded = try decode(body + "GET", as: .chunked, size: size)
        #expect(decoded.body == Array("hello".utf8))
        #expect(decoded.isDone)
        #expect(decoded.taken == body.utf8.count)
    }

    @Test("What the receiver throws stops the decoding")
    func refused() {
        var decoder = BodyDecoder(.length(5))
        #expect(throws: HTTPError(.contentTooLarge, "full")) {
            try "hello".withBytes { bytes throws(HTTPError) in
                _ = try decoder.decode(bytes, limits: HTTPLimits()) { _ throws(HTTPError) in
                    throw HTTPError(.contentTooLarge, "full")
                }
            }
        }
    }

    @Test("A size line as long as the bound, and one byte longer", arguments: [1, Int.max])
    func sizeLineBound(size: Int) {
        var limits = HTTPLimits()
        limits.chunkLineBytes = 4
        #expect(status("1;ab\r\nx\r\n0\r\n\r\n", size: size, limits: limits) == nil)
        #expect(status("1;abc\r\nx\r\n0\r\n\r\n", size: size, limits: limits) == .badRequest)
        #expect(status("1;abcd", size: size, limits: limits) == .badRequest)
    }

    @Test("As much beside the data as the bound, and one byte more", arguments: [1, Int.max])
    func overheadBound(size: Int) {
        var limits = HTTPLimits()
        limits.chunkOverheadBytes = 2
        // 18 bytes are free for a chunk of one byte.
        let short = "1;abcdefghijklmnop\r\nx\r\n"
        let long = "1;abcdefghijklmnopq\r\nx\r\n"
        let end = "0\r\n\r\n"
        for count in [1, 100] {
            let many = String(repeating: short, count: count)
            #expect(status(many + end, size: size, limits: limits) == nil)
        }
        #expect(status(long + long + end, size: size, limits: limits) == nil)
        #expect(status(long + long + long, size: size, limits: limits) == .badRequest)
        // Data makes up for it, but the credit that is not needed is lost.
        let large = "100\r\n\(String(repeating: "x", count: 256))\r\n"
        #expect(status(large + long + long + large + long + long + end, limits: limits) == nil)
        #expect(status(large + long + long + long, limits: limits) == .badRequest)
    }

    @Test("A size that cannot be doubled leaves nothing to count")
    func enormousSize() {
        #expect(status("7fffffffffffff\r\nx") == nil)
        #expect(status("40000000000000000\r\n") == .badRequest)
    }

    @Test("Trailers as long as the bound, and one byte longer", arguments: [1, Int.max])
    func trailerBound(size: Int) {
        var limits = HTTPLimits()
        limits.headerBytes = 14
        #expect(status("0\r\nX: a\r\nY: b\r\n\r\n", size: size, limits: limits) == nil)
        #expect(
            status("0\r\nX: a\r\nY: bc\r\n\r\n", size: size, limits: limits)
                == .headerFieldsTooLarge)
        #expect(
            status("0\r\nX: abcdefghijk", size: size, limits: limits) == .headerFieldsTooLarge)
    }

    @Test("The empty line counts, too", arguments: [1, Int.max])
    func emptyLineBound(size: Int) {
        var limits = HTTPLimits()
        for bound in [6, 7] {
            limits.headerBytes = bound
            #expect(
                status("0\r\nX: a\r\n\r\n", size: size, limits: limits) == .headerFieldsTooLarge)
        }
        limits.headerBytes = 8
        #expect(status("0\r\nX: a\r\n\r\n", size: size, limits: limits) == nil)
    }

    @Test(
        "A trailer one byte too long is too long, whatever ends it", arguments: [1, 2, 14, Int.max])
    func trailerBoundBeforeLineFeed(size: Int) {
        var limits = HTTPLimits()
        limits.headerBytes = 12
        #expect(
            status("0\r\nX: abcdefgh\n\r\n", size: size, limits: limits) == .headerFieldsTooLarge)
    }

    @Test("As many trailers as the bound, and one more")
    func trailerCountBound() {
        var limits = HTTPLimits()
        limits.headerFields = 2
        #expect(status("0\r\nX:\r\nX:\r\n\r\n", limits: limits) == nil)
        #expect(status("0\r\nX:\r\nX:\r\nX:\r\n\r\n", limits: limits) == .headerFieldsTooLarge)
    }
}
