import Dispatch
import EventStore
import Events
import HTTP
import HTTPServer
import Ingest
import JSON
import Synchronization

/// Stores the events of one request of another program's format. The body is read on one of a few
/// lanes, not on the event loop; a lane waits while the store falls behind, so memory is limited
/// however many events a body has.
final class SenderIngestion: Sendable {
    private struct State {
        let share: IngestionShare
        var pending: PendingResponse?
        /// The bytes that are received and not read.
        var received: [UInt8] = []
        var end: End?
        /// True while a lane reads.
        var isReading = false
        /// True if the connection was told to stop.
        var isFull = false
        /// True if nothing more will be read.
        var isRead = false
        var isAnswered = false
    }

    /// The end of the body.
    private enum End {
        case whole
        case cut(Problem)
    }

    private let api: LogbookAPI
    private let format: SenderFormat
    private let figures: SenderFigures
    private let commits: SenderCommits
    private let batch: SenderBatch
    private let lane: DispatchQueue
    private let state: Mutex<State>
    /// Used only on the lane.
    nonisolated(unsafe) private var reader: any SenderReader
    nonisolated(unsafe) private let inflater: Inflater?

    /// The threads that read bodies.
    private static let lanes = (0..<4).map { DispatchQueue(label: "logbook.senders.\($0)") }
    private static let nextLane = Atomic<Int>(0)
    /// Received and unread bytes above which no more of a stream is received.
    private static let bufferedBytes = 256 * 1024
    /// The memory of one active stream, in bytes: the received ones, and as many being read.
    private static let streamBytes = 2 * bufferedBytes

    /// Prepares to read the body of `request`.
    init(
        _ api: LogbookAPI, _ format: SenderFormat, _ route: SenderRoute, _ figures: SenderFigures,
        _ request: Request, inflater: Inflater?
    ) {
        self.api = api
        self.format = format
        self.figures = figures
        self.inflater = inflater
        reader = (route.reader ?? format.reader).init(SenderRequest(request))
        let commits = SenderCommits(api, figures)
        self.commits = commits
        batch = SenderBatch(
            now: api.now(), api.ingestOptions, leastSeverity: api.leastSeverities[format.name],
            listsItems: format.listsItems, tell: { [api] in figures.note($0, api.rejections) },
            store: commits.store)
        let turn = Self.nextLane.wrappingAdd(1, ordering: .relaxed).oldValue
        lane = Self.lanes[turn & 0xFFFF % Self.lanes.count]
        state = Mutex(State(share: IngestionShare(api, request.client)))
    }

    /// Takes the body of `request`, and answers it.
    func receive(_ request: Request) {
        commits.begin(self)
        if format.isStream, request.isBodyToCome {
            let pending = request.receiveBody { [self] part in take(part) }
            state.withLock { $0.pending = pending }
        } else {
            let pending = request.postpone()
            state.withLock { state in
                state.pending = pending
                state.end = .whole
                do throws(Problem) {
                    try state.share.reserve(request.body.count)
                    state.received = Array(request.body)
                } catch {
                    state.end = .cut(error)
                }
            }
        }
        proceed()
    }

    // MARK: Receiving

    private func take(_ part: Request.BodyPart) -> Request.Readiness {
        state.withLock { state in
            guard state.end == nil else { return }
            switch part {
            case .end: state.end = .whole
            case .cut(let error): state.end = .cut(Problem(error))
            case .piece(let bytes):
                do throws(Problem) {
                    try state.share.reserve(Self.streamBytes)
                    guard !api.isDraining else {
                        throw Problem(.serviceUnavailable, "Not now: the service is shutting down.")
                    }
                    state.received.append(contentsOf: bytes)
                } catch {
                    state.end = .cut(error)
                }
            }
        }
        proceed()
        return state.withLock { state in
            state.isFull = state.end == nil && state.received.count >= Self.bufferedBytes
            guard !state.isFull else { return .full }
            // A sender may pause between two lines, but not inside one.
            let last = state.received.last
            return inflater != nil || last == nil || last == UInt8(ascii: "\n") ? .idle : .ready
        }
    }

    // MARK: Reading

    /// Reads what can be read now.
    private func proceed() {
        let isDue = state.withLock { state in
            guard !state.isReading, !state.isRead, state.pending != nil,
                !state.received.isEmpty || state.end != nil
            else { return false }
            state.isReading = true
            return true
        }
        if isDue { lane.async { self.read() } }
    }

    private func read() {
        let (bytes, end) = state.withLock { state in
            defer { state.received = [] }
            return (state.received, state.end)
        }
        do throws(Problem) {
            switch end {
            case nil: try read(bytes, isLast: false)
            case .whole: try read(bytes, isLast: true)
            case .cut(let problem):
                // Items that came whole are stored.
                if format.isStream { try read(bytes, isLast: false) }
                throw problem
            }
        } catch {
            commits.fail(error)
        }
        batch.flush()
        let resumed = state.withLock { state in
            state.isReading = false
            state.isRead = end != nil || commits.hasFailed
            if state.received.isEmpty { state.share.release() }
            guard state.isFull else { return nil as PendingResponse? }
            state.isFull = false
            return state.pending
        }
        resumed?.receiveMore(.ready)
        proceed()
        finish()
    }

    /// Reads the next bytes: all of them, unless the format is a stream.
    private func read(_ bytes: [UInt8], isLast: Bool) throws(Problem) {
        guard let inflater else { return try hand(bytes, isLast: isLast) }
        var content: [UInt8] = []
        var taken = 0
        while taken < bytes.count || inflater.hasMore {
            taken += try bytes.span.withUnsafeBytes { input throws(Problem) in
                try LogbookAPI.inflate(
                    UnsafeRawBufferPointer(rebasing: input[taken...]), inflater, &content)
            }
            if format.isStream {
                try hand(content, isLast: false)
                content = []
            } else {
                guard content.count <= api.bodyLimit else { throw api.tooLarge }
                try state.withLock { state throws(Problem) in
                    try state.share.reserve(bytes.count + content.count)
                }
            }
        }
        guard isLast else { return }
        guard inflater.isWhole else { throw LogbookAPI.endsInTheMiddle }
        try hand(content, isLast: true)
    }

    private func hand(_ bytes: [UInt8], isLast: Bool) throws(Problem) {
        try bytes.span.withUnsafeBytes { bytes throws(Problem) in
            do throws(SenderFailure) {
                try reader.read(bytes, isLast: isLast, into: batch)
            } catch {
                figures.note(.rejected(error.status), api.rejections)
                throw Problem(error)
            }
        }
    }

    // MARK: Answering

    /// Answers once everything that was read is committed.
    fileprivate func finish() {
        let pending = state.withLock { state in
            guard state.isRead, commits.isDone, !state.isAnswered else {
                return nil as PendingResponse?
            }
            state.isAnswered = true
            state.share.release()
            return state.pending
        }
        guard let pending else { return }
        figures.noteRequest()
        let problem = commits.problem
        let outcome = batch.outcome
        // The lane is done with the reader.
        let reader = reader
        pending.complete { response in
            if let problem {
                guard let failure = SenderFailure(problem), let answer = reader.answer(failure)
                else { return problem.write(to: &response) }
                response.write(answer)
            } else if let answer = reader.answer(outcome) {
                response.write(answer)
            } else if outcome.isRefused {
                Problem(refused: outcome).write(to: &response)
            } else {
                outcome.write(to: &response)
            }
        }
    }
}

/// Stores the pieces of one request, at most two at a time.
final class SenderCommits: Sendable {
    private struct State {
        weak var owner: SenderIngestion?
        var committing = 0
        var problem: Problem?
        /// True if the store took no events. Those that come later are not stored either.
        var isStopped = false
    }

    private let api: LogbookAPI
    private let figures: SenderFigures
    private let room = DispatchSemaphore(value: piecesCommitting)
    private let state = Mutex(State())

    private static let piecesCommitting = 2

    init(_ api: LogbookAPI, _ figures: SenderFigures) {
        self.api = api
        self.figures = figures
    }

    /// Has `owner` finish after each commit.
    func begin(_ owner: SenderIngestion) { state.withLock { $0.owner = owner } }

    /// True if nothing is being committed.
    var isDone: Bool { state.withLock { $0.committing == 0 } }

    /// The first failure.
    var problem: Problem? { state.withLock(\.problem) }

    var hasFailed: Bool { problem != nil }

    /// Notes the reason for the answer.
    func fail(_ problem: Problem) {
        state.withLock { $0.problem = $0.problem ?? problem }
    }

    /// Stores a piece of `batch`; waits while two others are being committed.
    @Sendable func store(_ batch: SenderBatch, _ piece: SenderBatch.Piece) {
        room.wait()
        let (isStopped, owner) = state.withLock { state in
            if !state.isStopped { state.committing += 1 }
            return (state.isStopped, state.owner)
        }
        guard !isStopped else {
            room.signal()
            return
        }
        api.repository.append(piece.events) { [self] result in
            note(result, of: piece, in: batch)
            room.signal()
            // The owner is the last to know the request, so it lives until its answer.
            owner?.finish()
        }
    }

    private func note(_ result: AppendResult, of piece: SenderBatch.Piece, in batch: SenderBatch) {
        switch result {
        case .success(let outcomes):
            let stored = outcomes.map { outcome -> SenderBatch.Stored in
                if case .stored = outcome { .new } else { .duplicate }
            }
            batch.note(stored, of: piece)
            figures.note(stored)
        case .failure(let error):
            figures.noteUnavailable(piece.events.count)
            api.rejections.noteUnavailable(piece.events.count)
            fail(Problem(error))
        }
        state.withLock { state in
            state.committing -= 1
            if case .failure = result { state.isStopped = true }
        }
    }
}

extension SenderRequest {
    init(_ request: Request) {
        self.init(
            parameter: String(decoding: request.parameter, as: UTF8.self),
            query: (try? QueryParameters(request.query).pairs) ?? [],
            headers: request.headers)
    }
}

extension HTTPStatus {
    /// The status with this code; a format has only those that the server knows.
    init(code: Int) { self = Self.all.first { $0.code == code } ?? .ok }

    init(_ status: SenderFailure.Status) { self.init(code: status.rawValue) }
}

extension SenderFailure {
    /// The failure in `problem`; nil if its status is none that a format knows.
    fileprivate init?(_ problem: Problem) {
        guard let status = Status(rawValue: problem.status.code) else { return nil }
        self.init(status, problem.detail)
    }
}

extension Problem {
    fileprivate init(_ failure: SenderFailure) {
        self.init(HTTPStatus(failure.status), failure.detail)
    }

    fileprivate init(refused outcome: SenderOutcome) {
        let first = outcome.rejections[0]
        self.init(
            .unprocessableContent,
            "None of the items can be stored. Item \(first.index): \(first.detail).",
            errors: outcome.rejections.map { (.pointer("/\($0.index)"), $0.detail) })
    }
}

extension Response {
    mutating func write(_ answer: SenderAnswer) {
        status = HTTPStatus(code: answer.status)
        contentType = answer.contentType
        // The server leaves it out of an answer without a body, but an empty message has one.
        if answer.body.isEmpty, let type = answer.contentType { addHeader("Content-Type", type) }
        addHeader("Cache-Control", "no-store")
        if status == .serviceUnavailable { addHeader("Retry-After", "1") }
        for header in answer.headers { addHeader(header.name, header.value) }
        body.append(contentsOf: answer.body)
    }
}

extension SenderOutcome {
    /// Writes Logbook's own summary.
    fileprivate func write(to response: inout Response) {
        response.addHeader("Cache-Control", "no-store")
        var body: [UInt8] = []
        body.append("{\"accepted\":")
        body.appendInteger(accepted)
        body.append(",\"duplicates\":")
        body.appendInteger(duplicates)
        body.append(",\"rejected\":")
        body.appendInteger(rejected)
        body.append(",\"left_out\":")
        body.appendInteger(leftOut)
        body.append(",\"errors\":")
        body.appendJSONArray(of: rejections) { rejection, output in
            output.append("{\"index\":")
            output.appendInteger(rejection.index)
            output.append(",\"detail\":")
            output.appendJSONString(rejection.detail)
            output.append("}")
        }
        body.append("}\n")
        response.body.append(contentsOf: body)
    }
}
