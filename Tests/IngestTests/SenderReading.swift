import Events
import Synchronization
import TestSupport

@testable import Ingest

/// What a reader makes of a body.
struct SenderReading {
    let events: [Event]
    let outcome: SenderOutcome
    let failure: SenderFailure?
    let cut: Int
    /// The most bytes of events in one piece.
    let largestPiece: Int
    let answer: SenderAnswer?

    /// Reads `body` as a request of `format`, in pieces of `pieceBytes` if it is a stream.
    init(
        _ format: SenderFormat, _ body: [UInt8], headers: [(name: String, value: String)] = [],
        pieceBytes: Int = 4096, least: Severity? = nil,
        _ options: IngestOptions = IngestOptions(redaction: Redaction(keys: ["password"]))
    ) {
        let stored = Mutex<(events: [Event], largest: Int, cut: Int)>(([], 0, 0))
        let batch = SenderBatch(
            now: testMoment, options, leastSeverity: least, listsItems: true,
            tell: { notice in if case .cut = notice { stored.withLock { $0.cut += 1 } } },
            store: { batch, piece in
                stored.withLock { stored in
                    stored.events += piece.events
                    stored.largest = max(
                        stored.largest, piece.events.reduce(0) { $0 + $1.byteCount })
                }
                batch.note(piece.events.map { _ in .new }, of: piece)
            })
        var reader = format.reader.init(SenderRequest(headers: headers))
        var failure: SenderFailure?
        do throws(SenderFailure) {
            var rest = body[...]
            while format.isStream, rest.count > pieceBytes {
                try Array(rest.prefix(pieceBytes)).span.withUnsafeBytes {
                    bytes throws(SenderFailure) in
                    try reader.read(bytes, isLast: false, into: batch)
                }
                rest = rest.dropFirst(pieceBytes)
            }
            try Array(rest).span.withUnsafeBytes { bytes throws(SenderFailure) in
                try reader.read(bytes, isLast: true, into: batch)
            }
        } catch {
            failure = error
        }
        batch.flush()
        events = stored.withLock(\.events)
        cut = stored.withLock(\.cut)
        largestPiece = stored.withLock(\.largest)
        outcome = batch.outcome
        self.failure = failure
        answer = failure.map { reader.answer($0) } ?? reader.answer(batch.outcome)
    }

    init(_ format: SenderFormat, _ body: String, least: Severity? = nil) {
        self.init(format, Array(body.utf8), least: least)
    }
}

extension Event {
    /// Its metadata as a text.
    var metadata: String { text(.metadata) ?? "" }
}
