import Dispatch
import EventStore
import Events
import HTTPServer
import JSON
import Synchronization

/// Stores a stream of events, one on each line, piece by piece. The lines that arrive while one
/// piece is being committed are the next piece, so a slow sender's events are stored as they arrive
/// and a fast one's by the thousand. Memory is bounded; the stream is not.
final class LineIngestion: Sendable {
    private struct State {
        var pending: PendingResponse?
        /// Received but not read.
        var lines: [UInt8] = []
        /// The number of lines taken before `lines`.
        var lineCount = 0
        /// True in the middle of a line that is too long.
        var isSkipping = false
        /// True while a piece is being read. Only one at a time, so that events are stored in
        /// order.
        var isReading = false
        /// The pieces being committed.
        var committing = 0
        /// True if the connection was told to stop.
        var isFull = false
        var end: End?
        var isAnswered = false
        /// The store's failure.
        var failure: Problem?
        /// True if the memory of an active stream is reserved.
        var isReserved = false
        var summary: IngestionSummary

        /// A line that is longer than the buffer must be complete to be read.
        var hasEnough: Bool {
            lines.count >= LineIngestion.bufferedBytes && (isReading || committing > 0)
        }

        /// A sender may pause between two lines, but not inside one.
        var readiness: Request.Readiness {
            !isSkipping && (lines.isEmpty || lines.last == LineIngestion.lineFeed) ? .idle : .ready
        }

        var isAtWork: Bool { !lines.isEmpty || isReading || committing > 0 }
    }

    /// The way that the stream has ended.
    private enum End {
        case whole
        /// Complete lines are stored; the answer says why no more came.
        case cut(Problem)
    }

    private enum Step {
        case read([UInt8], firstLine: Int)
        case answer(PendingResponse, Result<IngestionSummary, Problem>)
    }

    private let api: LogbookAPI
    private let keepsReceivedAt: Bool
    private let client: UInt64
    private let reservedBytes: Int
    private let state: Mutex<State>

    /// The most ids in the summary.
    static let listedIDs = 1000
    /// The longest line in bytes. No event is longer, even with every character escaped.
    static let lineLimit = 1024 * 1024
    /// Received and unread bytes above which no more is received.
    private static let bufferedBytes = 256 * 1024
    private static let piecesCommitting = 2
    /// The bytes held by one active stream: those received, and as many being read and committed.
    private static let memoryBytes = 2 * bufferedBytes

    /// Prepares to store a stream.
    ///
    /// - Parameters:
    ///   - keepsReceivedAt: true if its events keep the times at which another store received them.
    ///   - contentLength: the length of the stream, if known.
    /// - Throws: `503` if too many bodies are being read.
    init(
        _ api: LogbookAPI, keepsReceivedAt: Bool, contentLength: Int?, client: UInt64
    ) throws(Problem) {
        self.api = api
        self.keepsReceivedAt = keepsReceivedAt
        self.client = client
        state = Mutex(
            State(summary: IngestionSummary(listedIDs: Self.listedIDs, api.rejections)))
        if keepsReceivedAt { state.withLock { $0.summary.expired = 0 } }
        reservedBytes = min(contentLength ?? .max, Self.memoryBytes)
        // A client that will be refused learns it before it sends. One that sends nothing yet holds
        // nothing.
        try api.reserveIngestion(reservedBytes, for: client)
        api.releaseIngestion(reservedBytes, from: client)
    }

    deinit {
        if state.withLock({ $0.isReserved }) {
            api.releaseIngestion(reservedBytes, from: client)
        }
    }

    /// Takes the body of `request`, and answers it.
    func receive(_ request: Request) {
        let pending = request.receiveBody(readiness: .idle) { [self] part in
            state.withLock { take(part, &$0) }
            proceed()
            return state.withLock { state in
                state.isFull = state.end == nil && state.hasEnough
                return state.isFull ? .full : state.readiness
            }
        }
        state.withLock { $0.pending = pending }
    }

    private func take(_ part: Request.BodyPart, _ state: inout State) {
        // Bytes after the reason for an answer are not read.
        guard state.end == nil else { return }
        switch part {
        case .end: state.end = .whole
        case .cut(let error): state.end = .cut(Problem(error))
        case .piece(let bytes):
            do throws(Problem) {
                if !state.isReserved { try api.reserveIngestion(reservedBytes, for: client) }
                state.isReserved = true
                Self.receive(bytes, &state)
                guard !api.isDraining else {
                    throw Problem(.serviceUnavailable, "Not now: the service is shutting down.")
                }
            } catch {
                state.end = .cut(error)
            }
        }
    }

    private static func receive(_ bytes: UnsafeRawBufferPointer, _ state: inout State) {
        var bytes = bytes
        if state.isSkipping {
            guard let lineFeed = bytes.firstIndex(of: lineFeed) else { return }
            bytes = UnsafeRawBufferPointer(rebasing: bytes[(lineFeed + 1)...])
            state.isSkipping = false
        }
        state.lines.append(contentsOf: bytes)
    }

    private static let lineFeed = UInt8(ascii: "\n")

    // MARK: Steps

    /// Does what can be done now, for whatever reason.
    private func proceed() {
        let (step, resumed, readiness) = state.withLock { state in
            let step = Self.next(&state)
            var resumed: PendingResponse?
            if state.isFull, !state.hasEnough {
                state.isFull = false
                resumed = state.pending
            }
            if state.isReserved, !state.isAtWork {
                api.releaseIngestion(reservedBytes, from: client)
                state.isReserved = false
            }
            return (step, resumed, state.readiness)
        }
        resumed?.receiveMore(readiness)
        switch step {
        case .read(let lines, let firstLine):
            LogbookAPI.ingestionQueue.async { self.read(lines, firstLine: firstLine) }
        case .answer(let pending, let result):
            pending.complete { response in
                switch result {
                case .success(let summary): summary.write(to: &response)
                case .failure(let problem): problem.write(to: &response)
                }
            }
        case nil: break
        }
    }

    private static func next(_ state: inout State) -> Step? {
        guard let pending = state.pending, !state.isAnswered else { return nil }
        if let failure = state.failure {
            guard !state.isReading, state.committing == 0 else { return nil }
            state.isAnswered = true
            return .answer(pending, .failure(failure.behind(state.summary)))
        }
        guard !state.isReading else { return nil }
        if state.committing < piecesCommitting, let lines = takeLines(&state) {
            state.isReading = true
            let firstLine = state.lineCount
            state.lineCount += lines.count { $0 == lineFeed }
            return .read(lines, firstLine: firstLine)
        }
        guard let end = state.end, state.lines.isEmpty, state.committing == 0 else { return nil }
        state.isAnswered = true
        if case .cut(let problem) = end {
            return .answer(pending, .failure(problem.behind(state.summary)))
        }
        if state.summary.stored > 0 { return .answer(pending, .success(state.summary)) }
        let problem =
            state.summary.rejected > 0
            ? state.summary.problem("No line of the stream can be stored")
            : Problem(.unprocessableContent, "The stream holds no event.")
        return .answer(pending, .failure(problem))
    }

    /// The complete lines received; at the end, the last one too. Nil if there are none.
    private static func takeLines(_ state: inout State) -> [UInt8]? {
        var last = state.lines.lastIndex(of: lineFeed)
        if case .whole = state.end { last = state.lines.indices.last }
        guard let last else {
            if state.end != nil, !state.lines.isEmpty { return takeHalfLine(&state) }
            if state.lines.count > lineLimit { skipLine(&state) }
            return nil
        }
        guard last + 1 < state.lines.count else {
            defer { state.lines = [] }
            return state.lines
        }
        defer { state.lines.removeFirst(last + 1) }
        return Array(state.lines[...last])
    }

    private static func takeHalfLine(_ state: inout State) -> [UInt8]? {
        state.summary.reject(
            state.lineCount, .badRequest,
            [FieldError(pointer: "", detail: "the line did not come whole")])
        state.lines = []
        return nil
    }

    private static func skipLine(_ state: inout State) {
        state.summary.reject(state.lineCount, .contentTooLarge, [tooLong])
        state.lineCount += 1
        state.lines = []
        state.isSkipping = true
    }

    private static let tooLong = FieldError(
        pointer: "", detail: "the line is longer than \(lineLimit) bytes")

    /// Reads complete lines and stores their events.
    private func read(_ lines: [UInt8], firstLine: Int) {
        var events: [Event] = []
        var indexes: [Int] = []
        var rejections: [(index: Int, status: HTTPStatus, errors: [FieldError])] = []
        lines.withUnsafeBytes { bytes in
            var index = firstLine
            for line in bytes.split(separator: Self.lineFeed, omittingEmptySubsequences: false) {
                defer { index += 1 }
                guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else {
                    continue
                }
                do throws(JSONError) {
                    switch try decode(UnsafeRawBufferPointer(rebasing: line)) {
                    case .event(let event):
                        events.append(event)
                        indexes.append(index)
                    case .invalid(let errors):
                        rejections.append((index, .unprocessableContent, errors))
                    }
                } catch {
                    let detail = "the line is not valid JSON: \(error)"
                    rejections.append(
                        (index, .badRequest, [FieldError(pointer: "", detail: detail)]))
                }
            }
        }
        state.withLock { state in
            for rejection in rejections {
                state.summary.reject(rejection.index, rejection.status, rejection.errors)
            }
            if !events.isEmpty { state.committing += 1 }
        }
        if !events.isEmpty { store(events, indexes) }
        // Only now may the next piece be read, because its events come after these.
        state.withLock { $0.isReading = false }
        proceed()
    }

    private func decode(
        _ line: UnsafeRawBufferPointer
    ) throws(JSONError) -> EventDecoder.Decoded {
        guard line.count <= Self.lineLimit else {
            return .invalid([Self.tooLong])
        }
        var reader = JSONReader(line)
        let decoded = try EventDecoder.decode(
            &reader, now: api.now(), redaction: api.redaction, keepsReceivedAt: keepsReceivedAt)
        try reader.expectEnd()
        return decoded
    }

    private func store(_ events: [Event], _ indexes: [Int]) {
        api.repository.append(events) { [self] result in
            state.withLock { state in
                state.committing -= 1
                switch result {
                case .success(let outcomes):
                    state.summary.add(outcomes, of: events, at: indexes)
                    state.summary.expired? += api.countExpired(outcomes, events)
                case .failure(let error):
                    api.rejections.noteUnavailable(events.count)
                    state.failure = state.failure ?? Problem(error)
                }
            }
            proceed()
        }
    }
}

extension Problem {
    /// This problem in the middle of a stream, after the events in `summary` were stored.
    fileprivate func behind(_ summary: IngestionSummary) -> Problem {
        Problem(
            status,
            "\(detail) Of this stream, \(summary.stored) events are stored; sent again with the ids "
                + "that they were given by the sender, they are not stored twice.",
            summary: summary)
    }
}
