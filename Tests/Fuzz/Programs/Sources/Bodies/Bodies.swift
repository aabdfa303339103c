@testable import HTTPServer

/// The function that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    Bodies.check(UnsafeBufferPointer(start: data, count: size))
    return 0
}

/// A body decodes the same however its bytes are split, and a chunked one as a plain reading of the
/// grammar finds it.
enum Bodies {
    /// The outcome of decoding a body.
    private struct Outcome: Equatable {
        var body: [UInt8] = []
        var taken = 0
        var isDone = false
        var refusal: HTTPStatus?
    }

    /// The last five bytes decide where to split the others, which bounds apply, and how the body
    /// is framed.
    static func check(_ input: UnsafeBufferPointer<UInt8>) {
        guard input.count > 5 else { return }
        let text = Array(input.dropLast(5))
        let choice = input.suffix(5).map(Int.init)
        var limits = HTTPLimits()
        if choice[4] & 1 != 0 {
            limits.headerBytes = 60
            limits.headerFields = 3
            limits.chunkLineBytes = 12
        }
        let framing: RequestHead.Framing =
            choice[4] & 6 == 0 ? .length(1 + choice[4] >> 3) : .chunked
        let cuts = [choice[0] << 8 | choice[1], choice[2] << 8 | choice[3]]
            .map { $0 % (text.count + 1) }.sorted()

        let whole = decode([text[...]], framing, limits)
        let split = decode(
            [text[..<cuts[0]], text[cuts[0]..<cuts[1]], text[cuts[1]...]], framing, limits)
        precondition(split == whole, "split at \(cuts)")
        if text.count <= 1024 {
            let bytewise = decode(text.indices.map { text[$0...$0] }, framing, limits)
            precondition(bytewise == whole, "byte by byte")
        }
        if case .length(let length) = framing {
            precondition(whole.refusal == nil && whole.body.elementsEqual(text.prefix(length)))
            precondition(whole.isDone == (text.count >= length))
        } else if whole.isDone {
            checkChunks(whole, text)
        }
    }

    private static func decode(
        _ pieces: [ArraySlice<UInt8>], _ framing: RequestHead.Framing, _ limits: HTTPLimits
    ) -> Outcome {
        var decoder = BodyDecoder(framing)
        var outcome = Outcome()
        for piece in pieces where !decoder.isDone && outcome.refusal == nil {
            // Memory of exactly this size, so that the address sanitizer sees a read beyond it.
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
            defer { bytes.deallocate() }
            bytes.copyBytes(from: piece)
            do throws(HTTPError) {
                let taken = try decoder.decode(UnsafeRawBufferPointer(bytes), limits: limits) {
                    outcome.body.append(contentsOf: $0)
                }
                precondition(taken == piece.count || decoder.isDone)
                outcome.taken += taken
            } catch {
                // The part of a refused body that came before depends on the pieces.
                outcome = Outcome(refusal: error.status)
            }
        }
        outcome.isDone = decoder.isDone
        return outcome
    }

    /// RFC 9112, 7.1: chunked-body = *chunk last-chunk trailer-section CRLF
    private static func checkChunks(_ outcome: Outcome, _ text: [UInt8]) {
        var rest = text[...]
        func takeLine() -> ArraySlice<UInt8> {
            var end = rest.startIndex
            while rest[end] != 0x0D || rest[end + 1] != 0x0A { end += 1 }
            defer { rest = rest[(end + 2)...] }
            return rest[..<end]
        }
        var body: [UInt8] = []
        while true {
            let digits = takeLine().prefix { $0 != UInt8(ascii: ";") }
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)!
            if size == 0 { break }
            body += rest.prefix(size)
            rest = rest[(rest.startIndex + size)...]
            precondition(takeLine().isEmpty)
        }
        while !takeLine().isEmpty {}
        precondition(body == outcome.body, "another body")
        precondition(text.count - rest.count == outcome.taken, "another end")
    }
}
