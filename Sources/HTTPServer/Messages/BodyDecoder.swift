/// Decodes a request's body from its framing, incrementally (RFC 9112, sections 6 and 7).
struct BodyDecoder {
    private enum State {
        case length(Int)
        case chunkSize
        case chunkData(Int)
        case chunkEnd
        case trailers
        case done
    }

    private var state: State
    /// The start of a chunk-size or trailer line whose end has not arrived.
    private var line: [UInt8] = []
    /// The part of `HTTPLimits.chunkOverheadBytes` used so far.
    private var overhead = 0
    private var trailerBytes = 0
    private var trailerFields = 0

    init(_ framing: RequestHead.Framing) {
        state =
            switch framing {
            case .none: .done
            case .length(let length): .length(length)
            case .chunked: .chunkSize
            }
    }

    var isDone: Bool { if case .done = state { true } else { false } }

    /// Decodes bytes of `input`, hands the body's bytes to `receive`, and returns the number
    /// consumed: all of them, unless the body ends before.
    mutating func decode(
        _ input: UnsafeRawBufferPointer, limits: HTTPLimits,
        receive: (UnsafeRawBufferPointer) throws(HTTPError) -> Void
    ) throws(HTTPError) -> Int {
        var offset = 0
        while offset < input.count {
            switch state {
            case .done:
                return offset
            case .length(let remaining):
                let piece = min(remaining, input.count - offset)
                try receive(input.slice(offset..<(offset + piece)))
                offset += piece
                state = piece == remaining ? .done : .length(remaining - piece)
            case .chunkData(let remaining):
                let piece = min(remaining, input.count - offset)
                try receive(input.slice(offset..<(offset + piece)))
                offset += piece
                state = piece == remaining ? .chunkEnd : .chunkData(remaining - piece)
            case .chunkSize:
                guard
                    try takeLine(
                        input, &offset, bound: limits.chunkLineBytes,
                        over: .badRequest, "A chunk's size line is too long.")
                else { break }
                let size = try line.span.withUnsafeBytes { bytes throws(HTTPError) in
                    try ChunkLine.parseSize(bytes)
                }
                try count(overhead: line.count, data: size, limits)
                line.removeAll(keepingCapacity: true)
                state = size == 0 ? .trailers : .chunkData(size)
            case .chunkEnd:
                guard
                    try takeLine(
                        input, &offset, bound: 0,
                        over: .badRequest, "A chunk's data is not followed by CR LF.")
                else { break }
                state = .chunkSize
            case .trailers:
                // As in a header, line ends and the empty line count too.
                guard
                    try takeLine(
                        input, &offset, bound: limits.headerBytes - trailerBytes - 2,
                        over: .headerFieldsTooLarge,
                        "The trailers are longer than \(limits.headerBytes) bytes.")
                else { break }
                state = line.isEmpty ? .done : .trailers
                try dropTrailer(limits)
            }
        }
        return offset
    }

    /// Moves bytes of `input` to `line` up to a CR LF, which is consumed but left out. False if the
    /// line's end has not arrived.
    private mutating func takeLine(
        _ input: UnsafeRawBufferPointer, _ offset: inout Int, bound: Int, over status: HTTPStatus,
        _ explanation: @autoclosure () -> String
    ) throws(HTTPError) -> Bool {
        let lineFeed = input.firstOffset(of: ASCII.lineFeed, from: offset)
        let end = lineFeed ?? input.count
        // While the line end is missing, the one byte over the bound may be its CR.
        guard line.count + end - offset <= bound + 1 else {
            throw HTTPError(status, explanation())
        }
        line.append(contentsOf: input.slice(offset..<end))
        offset = end
        let endsInCR = line.last == ASCII.carriageReturn
        guard line.count - (endsInCR ? 1 : 0) <= bound else {
            throw HTTPError(status, explanation())
        }
        guard lineFeed != nil else { return false }
        offset += 1
        guard line.popLast() == ASCII.carriageReturn else {
            throw HTTPError(.badRequest, "A line of the chunked body ends in LF alone.")
        }
        return true
    }

    /// RFC 9112, 7.1.1: "A server ought to limit the total length of chunk extensions received in a
    /// request". Otherwise a client could send them forever with hardly a byte of data.
    private mutating func count(
        overhead lineBytes: Int, data size: Int, _ limits: HTTPLimits
    ) throws(HTTPError) {
        let free = size.multipliedReportingOverflow(by: 2)
        guard !free.overflow else { return overhead = 0 }
        overhead = max(0, overhead + lineBytes - HTTPLimits.freeChunkBytes - free.partialValue)
        guard overhead <= limits.chunkOverheadBytes else {
            throw HTTPError(
                .badRequest, "The chunked body is mostly chunk extensions, not data.")
        }
    }

    /// RFC 9110, 6.5.1: trailers may be discarded. They are checked anyway, because a malformed one
    /// is an attack.
    private mutating func dropTrailer(_ limits: HTTPLimits) throws(HTTPError) {
        guard !line.isEmpty else { return }
        trailerBytes += line.count + 2
        trailerFields += 1
        guard trailerFields <= limits.headerFields else {
            throw HTTPError(
                .headerFieldsTooLarge, "There are more than \(limits.headerFields) trailer fields.")
        }
        _ = try line.span.withUnsafeBytes { bytes throws(HTTPError) in
            try HeaderLine.parse(bytes, 0..<bytes.count)
        }
        line.removeAll(keepingCapacity: true)
    }
}
