import Events
import HTTP
import JSON
import Synchronization

@testable import Ingest

/// The function that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    Senders.check(UnsafeBufferPointer(start: data, count: size))
    return 0
}

/// A body decompresses the same however its bytes are split, and each format makes the same events
/// of it. All of them are valid, and a failure is one that the format announces.
enum Senders {
    /// The last three bytes choose the format, its Content-Type, the coding or header fields, and
    /// the length of the pieces.
    static func check(_ input: UnsafeBufferPointer<UInt8>) {
        guard input.count > 3 else { return }
        var body = Array(input.dropLast(3))
        let choice = input.suffix(3).map(Int.init)
        let format = SenderFormats.all[choice[0] % SenderFormats.all.count]
        let types = format.contentTypes + ["application/x-protobuf", ""]
        let type = types[(choice[1] >> 2) % types.count]
        let pieceBytes = 1 + choice[2]
        var parameter = ""
        switch choice[1] & 3 {
        case 1: body = Inflating.check(body, .gzip, pieceBytes)
        case 2: body = Inflating.check(body, .deflate, pieceBytes)
        case 3:
            parameter = String(decoding: body.prefix { $0 != 0x0A }, as: UTF8.self)
            body.removeFirst(body.firstIndex(of: 0x0A) ?? body.count)
        default: break
        }
        var headers = [(name: "Content-Type", value: type)]
        if !parameter.isEmpty {
            headers += [
                ("X-GitHub-Event", parameter), ("X-GitHub-Delivery", parameter),
                ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-type", "t"), ("ce-source", "/s"),
                ("ce-subject", parameter),
            ]
        }
        let request = SenderRequest(parameter: parameter, headers: headers)
        let whole = Reading(format, request, body, pieceBytes: .max)
        let isShort = format.isStream && body.count <= 512
        for count in isShort ? [pieceBytes, 1] : [pieceBytes] {
            let again = Reading(format, request, body, pieceBytes: count)
            guard again != whole else { continue }
            fatalError("whole: \(whole)\nin pieces of \(count) bytes: \(again)")
        }
    }
}

/// The result of decompressing a body piece by piece.
private struct Inflating: Equatable {
    private var output: [UInt8] = []
    private var isWhole = false
    private var failure: Inflater.Failure?

    /// The output that is compared.
    private static let mostBytes = 1 << 20

    /// Returns the text of `body`, or as much as precedes what is no text.
    static func check(
        _ body: [UInt8], _ coding: Inflater.Coding, _ pieceBytes: Int
    ) -> [UInt8] {
        let whole = Inflating(body, coding, pieceBytes: .max, limit: 65_536)
        let split = Inflating(body, coding, pieceBytes: pieceBytes, limit: pieceBytes)
        // It depends on the pieces how much comes out before one is corrupt or expands too far.
        let common = min(whole.output.count, split.output.count)
        precondition(whole.output[..<common] == split.output[..<common], "another text")
        if whole.failure == nil || split.failure == nil,
            whole.failure != .expandsTooFar, split.failure != .expandsTooFar,
            whole.output.count < mostBytes
        {
            precondition(whole == split, "in pieces")
        }
        return whole.output
    }

    private init(_ body: [UInt8], _ coding: Inflater.Coding, pieceBytes: Int, limit: Int) {
        let inflater = Inflater(coding)
        var rest = body[...]
        do throws(Inflater.Failure) {
            while !rest.isEmpty || inflater.hasMore, output.count < Self.mostBytes {
                let before = output.count
                let taken = try withExactBytes(rest.prefix(pieceBytes)) {
                    bytes throws(Inflater.Failure) in
                    try inflater.inflate(bytes, into: &output, limit: limit)
                }
                precondition(output.count - before <= limit, "beyond its limit")
                rest = rest.dropFirst(taken)
            }
        } catch {
            failure = error
        }
        precondition(output.count <= Inflater.freeBytes + Inflater.mostExpansion * body.count)
        isWhole = inflater.isWhole
    }
}

/// What a reader makes of a body.
private struct Reading: Equatable {
    private var events: [String] = []
    private var count = 0
    private var accepted = 0
    private var rejections: [String] = []
    private var failure: String?
    private var answer: [UInt8]?

    private static let now = Timestamp(milliseconds: 1_796_000_400_123)!
    private static let options = IngestOptions(redaction: Redaction(keys: ["password"]))
    /// A piece of a batch, and the longest event.
    private static let mostBytes = 3 << 19

    init(_ format: SenderFormat, _ request: SenderRequest, _ body: [UInt8], pieceBytes: Int) {
        let stored = Mutex<[String]>([])
        let batch = SenderBatch(
            now: Self.now, Self.options, listsItems: true,
            store: { batch, piece in
                precondition(piece.events.reduce(0) { $0 + $1.byteCount } <= Self.mostBytes)
                stored.withLock { $0 += piece.events.map(Self.checked) }
                batch.note(piece.events.map { _ in .new }, of: piece)
            })
        var reader = format.reader.init(request)
        var rest = body[...]
        do throws(SenderFailure) {
            while format.isStream, rest.count > pieceBytes {
                try withExactBytes(rest.prefix(pieceBytes)) { bytes throws(SenderFailure) in
                    try reader.read(bytes, isLast: false, into: batch)
                }
                rest = rest.dropFirst(pieceBytes)
            }
            try withExactBytes(rest) { bytes throws(SenderFailure) in
                try reader.read(bytes, isLast: true, into: batch)
            }
            answer = reader.answer(batch.outcome)?.body
        } catch {
            precondition(format.failures.contains(error.status), error.detail)
            precondition(error.detail.last == ".", error.detail)
            failure = error.detail
            answer = reader.answer(error)?.body
        }
        batch.flush()
        let outcome = batch.outcome
        precondition(outcome.items.count == outcome.count)
        precondition(outcome.accepted + outcome.rejected <= outcome.count)
        events = stored.withLock(\.self)
        // Beside them, an event may be in header fields alone.
        precondition(outcome.accepted == events.count && events.count <= body.count + 1)
        count = outcome.count
        accepted = outcome.accepted
        rejections = outcome.rejections.map { "\($0.index) \($0.detail)" }
    }

    /// The event as JSON, which is one of Logbook's own and valid; without an id that is chance.
    private static func checked(_ event: Event) -> String {
        var json = Array("{".utf8)
        for field in EventField.allCases where !field.isGivenByStore && field != .occurrences {
            guard let text = event.text(field) else { continue }
            if json.count > 1 { json.append(",") }
            json.appendJSONString("\(field.name)")
            json.append(":")
            if field == .metadata { json += text.utf8 } else { json.appendJSONString(text) }
        }
        json.append("}")
        let decoded = withExactBytes(json[...]) { bytes in
            var reader = JSONReader(bytes)
            return try? EventDecoder.decode(&reader, now: now)
        }
        let text = String(decoding: json, as: UTF8.self)
        guard case .event = decoded else { preconditionFailure("no valid event: \(text)") }
        let isChance = event.text(.id)?.hasPrefix("evt_") == true
        return isChance ? text.split(separator: ",", maxSplits: 1).last.map(String.init)! : text
    }
}

/// Calls `body` with a copy of exactly this size, so that the address sanitizer sees a read beyond
/// it.
private func withExactBytes<Result, Failure: Error>(
    _ bytes: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(copy))
}
