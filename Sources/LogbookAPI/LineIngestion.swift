import Dispatch
import EventStore
import Events
import HTTP
import HTTPServer
import Ingest
import JSON
import Synchronization

/// Stores a stream of events piece by piece. Each piece is what arrived while the one before was
/// being committed, so a slow sender's events are stored as they arrive, and a fast one's by the
/// thousand. Memory is limited, the stream is not.
///
/// An event is a line. One that is written over several lines is found by its braces.
final class LineIngestion: Sendable {
    /// The kinds of bodies.
    enum Form {
        /// Events, one after another.
        case lines
        /// Its first byte has not arrived.
        case unknown
        /// Events, one after another; or a single one, which has its own kind of answer.
        case objects
        /// An array: all of it is one transaction.
        case array
    }

    private struct State {
        let share: IngestionShare
        var pending: PendingResponse?
        var form: Form
        /// The received bytes of a compressed body that are not decompressed yet.
        var packed: [UInt8] = []
        /// True if the decompressed bytes may not be all.
        var hasMore = false
        /// True if the decompressed bytes are a whole body, or the body is not compressed.
        var isOpenedWhole = true
        /// The bytes that are received and not read.
        var lines: [UInt8] = []
        /// The number of lines taken before `lines`.
        var lineCount = 0
        /// The scanner of an item that is written over several lines.
        var scanner: ItemScanner?
        /// True while a piece is being decompressed or read: one at a time, so that events are
        /// stored in order.
        var isReading = false
        /// The pieces being committed.
        var committing = 0
        /// True if the connection was told to stop.
        var isFull = false
        var end: End?
        var isAnswered = false
        /// The store's failure.
        var failure: Problem?
        var summary: IngestionSummary
        var items = Items()

        /// A line that is longer than the buffer must be complete to be read.
        var hasEnough: Bool {
            form != .array && max(lines.count, packed.count) >= LineIngestion.bufferedBytes
                && (isReading || committing > 0)
        }

        /// A sender may pause between two lines, but not inside one.
        var readiness: Request.Readiness {
            guard form != .array else { return .ready }
            return lines.isEmpty || lines.last == LineIngestion.lineFeed ? .idle : .ready
        }

        var isAtWork: Bool {
            !lines.isEmpty || !packed.isEmpty || scanner != nil || isReading || committing > 0
        }

        /// True if all the remaining bytes are in `lines`.
        var isComplete: Bool {
            if case .whole = end { packed.isEmpty && !hasMore && isOpenedWhole } else { false }
        }
    }

    /// The end of the stream.
    private enum End {
        case whole
        /// Complete lines are stored; the answer says why no more came.
        case cut(Problem)
    }

    /// The items found so far, for the answer to a body that is a single event.
    private struct Items {
        var count = 0
        var hasList = false
        /// True if some contain nothing to store: a deletion, an empty list.
        var hasNothing = false
        var first: (event: Event, outcome: AppendOutcome)?
        var problem: Problem?
    }

    private enum Step {
        case open([UInt8])
        case read([UInt8], firstLine: Int, ItemScanner?, isLast: Bool)
        case decode([UInt8], PendingResponse)
        case answer(PendingResponse, Answer)
    }

    private enum Answer {
        case single(Event, AppendOutcome)
        case summary(IngestionSummary)
        case problem(Problem)
    }

    private let api: LogbookAPI
    private let manner: IngestionManner
    private let options: IngestOptions
    private let reservedBytes: Int
    private let state: Mutex<State>
    /// Used only by the reader.
    nonisolated(unsafe) private let inflater: Inflater?

    /// The most ids in the summary.
    static let listedIDs = 1000
    /// The longest item, in bytes: no event is longer, even with every character escaped.
    static let lineLimit = 1024 * 1024
    /// Received and unread bytes above which no more is received.
    private static let bufferedBytes = 256 * 1024
    private static let piecesCommitting = 2
    /// The memory of one active stream, in bytes: the received ones, and as many being read and
    /// committed.
    private static let memoryBytes = 2 * bufferedBytes

    /// Prepares to store a stream.
    ///
    /// - Parameters:
    ///   - form: `lines`, or `unknown`.
    ///   - inflater: decompresses the body, if it is compressed.
    ///   - contentLength: the length of the stream, if known.
    /// - Throws: `503` if too many bodies are being read.
    init(
        _ api: LogbookAPI, _ manner: IngestionManner, form: Form, inflater: Inflater?,
        contentLength: Int?, client: UInt64
    ) throws(Problem) {
        self.api = api
        self.manner = manner
        self.inflater = inflater
        options = api.options(manner)
        reservedBytes =
            inflater == nil ? min(contentLength ?? .max, Self.memoryBytes) : Self.memoryBytes
        // A client that must be refused learns it before it sends; a stream that is still silent
        // reserves nothing.
        let share = IngestionShare(api, client)
        try share.reserve(reservedBytes)
        share.release()
        state = Mutex(
            State(
                share: share, form: form,
                summary: IngestionSummary(listedIDs: Self.listedIDs, api.rejections)))
        if manner.keepsReceivedAt { state.withLock { $0.summary.expired = 0 } }
    }

    /// Takes the body of `request`, and answers it.
    func receive(_ request: Request) {
        // A body announced as JSON must arrive; a stream may be silent.
        let readiness: Request.Readiness = manner.isJSONType ? .ready : .idle
        let pending = request.receiveBody(readiness: readiness) { [self] part in
            state.withLock { take(part, &$0) }
            proceed()
            return state.withLock { state in
                state.isFull = state.end == nil && state.hasEnough
                return state.isFull ? .full : state.readiness
            }
        }
        state.withLock { $0.pending = pending }
        proceed()
    }

    // MARK: Receiving

    private func take(_ part: Request.BodyPart, _ state: inout State) {
        // Bytes after the reason for an answer are not read.
        guard state.end == nil else { return }
        switch part {
        case .end: state.end = .whole
        case .cut(let error): state.end = .cut(Problem(error))
        case .piece(let bytes):
            do throws(Problem) {
                try state.share.reserve(reservedBytes)
                if inflater == nil {
                    try receive(bytes, &state)
                } else {
                    state.packed.append(contentsOf: bytes)
                }
                guard !api.isDraining else {
                    throw Problem(.serviceUnavailable, "Not now: the service is shutting down.")
                }
            } catch {
                state.end = .cut(error)
            }
        }
    }

    /// Takes bytes of the text.
    private func receive(
        _ bytes: some Collection<UInt8>, _ state: inout State
    ) throws(Problem) {
        if state.form == .unknown, let first = bytes.first(where: { !$0.isBlank }) {
            try LogbookAPI.checkBegin(first, manner)
            state.form = first == UInt8(ascii: "[") ? .array : .objects
        }
        state.lines.append(contentsOf: bytes)
        guard state.form == .array else { return }
        guard state.lines.count <= api.bodyLimit else { throw api.tooLarge }
        try state.share.reserve(max(reservedBytes, state.lines.count))
    }

    private static let lineFeed = UInt8(ascii: "\n")

    // MARK: Steps

    /// Does what can be done now, for whatever reason.
    private func proceed() {
        let (step, resumed, readiness) = state.withLock { state in
            let step = next(&state)
            var resumed: PendingResponse?
            if state.isFull, !state.hasEnough {
                state.isFull = false
                resumed = state.pending
            }
            if !state.isAtWork { state.share.release() }
            return (step, resumed, state.readiness)
        }
        resumed?.receiveMore(readiness)
        switch step {
        case .open(let packed):
            LogbookAPI.ingestionQueue.async { self.open(packed) }
        case .read(let lines, let firstLine, let scanner, let isLast):
            LogbookAPI.ingestionQueue.async {
                self.read(lines, firstLine: firstLine, scanner, isLast: isLast)
            }
        case .decode(let body, let pending):
            LogbookAPI.ingestionQueue.async { self.decode(body, pending) }
        case .answer(let pending, let answer):
            pending.complete { self.write(answer, to: &$0) }
        case nil: break
        }
    }

    private func next(_ state: inout State) -> Step? {
        guard let pending = state.pending, !state.isAnswered else { return nil }
        if let failure = state.failure {
            guard !state.isReading, state.committing == 0 else { return nil }
            state.isAnswered = true
            return .answer(pending, .problem(interrupted(failure, state)))
        }
        guard !state.isReading else { return nil }
        if let packed = takePacked(&state) {
            state.isReading = true
            return .open(packed)
        }
        if case .whole = state.end, state.packed.isEmpty, !state.hasMore, !state.isOpenedWhole {
            state.end = .cut(LogbookAPI.endsInTheMiddle)
        }
        if state.form == .array {
            guard state.isComplete else { return answerCut(&state, pending) }
            state.isAnswered = true
            state.isReading = true
            defer { state.lines = [] }
            return .decode(state.lines, pending)
        }
        if state.committing < Self.piecesCommitting, let (lines, isLast) = takeLines(&state) {
            state.isReading = true
            let firstLine = state.lineCount
            state.lineCount += lines.count { $0 == Self.lineFeed }
            defer { state.scanner = nil }
            return .read(lines, firstLine: firstLine, state.scanner, isLast: isLast)
        }
        guard state.lines.isEmpty, state.scanner == nil, state.committing == 0 else { return nil }
        if state.isComplete {
            state.isAnswered = true
            return .answer(pending, answer(state))
        }
        return answerCut(&state, pending)
    }

    /// The bytes to decompress now; nil if there are none, or enough are decompressed already.
    private func takePacked(_ state: inout State) -> [UInt8]? {
        guard inflater != nil, !state.packed.isEmpty || state.hasMore else { return nil }
        // A line that is not whole yet needs more, up to the longest.
        guard
            state.form == .array || state.lines.count < Self.bufferedBytes
                || state.lines.count <= Self.lineLimit && !state.lines.contains(Self.lineFeed)
        else { return nil }
        if case .cut = state.end { return nil }
        defer { state.packed = [] }
        return state.packed
    }

    /// The complete lines that have arrived; at the end, the rest too. Nil if there are none.
    private func takeLines(_ state: inout State) -> (lines: [UInt8], isLast: Bool)? {
        if state.isComplete {
            guard !state.lines.isEmpty || state.scanner != nil else { return nil }
            defer { state.lines = [] }
            return (state.lines, true)
        }
        guard let last = state.lines.lastIndex(of: Self.lineFeed) else {
            if case .cut = state.end { rejectHalfLine(&state) }
            guard state.lines.count > Self.lineLimit else { return nil }
            defer { state.lines = [] }
            return (state.lines, false)
        }
        guard last + 1 < state.lines.count else {
            defer { state.lines = [] }
            return (state.lines, false)
        }
        defer { state.lines.removeFirst(last + 1) }
        return (Array(state.lines[...last]), false)
    }

    private func rejectHalfLine(_ state: inout State) {
        guard !state.lines.isEmpty || state.scanner != nil else { return }
        state.summary.reject(
            state.lineCount, .badRequest,
            [FieldError(pointer: "", detail: "the line did not come whole")])
        state.lines = []
        state.scanner = nil
    }

    // MARK: Reading

    private func open(_ packed: [UInt8]) {
        guard let inflater else { preconditionFailure("a compressed body is opened") }
        var output: [UInt8] = []
        let result = Result { () throws(Problem) in
            try packed.span.withUnsafeBytes { bytes throws(Problem) in
                try LogbookAPI.inflate(bytes, inflater, &output)
            }
        }
        state.withLock { state in
            state.isReading = false
            do throws(Problem) {
                let taken = try result.get()
                if taken < packed.count { state.packed.insert(contentsOf: packed[taken...], at: 0) }
                state.hasMore = inflater.hasMore
                state.isOpenedWhole = inflater.isWhole
                try receive(output, &state)
            } catch {
                state.end = .cut(error)
                state.packed = []
            }
        }
        proceed()
    }

    private func decode(_ body: [UInt8], _ pending: PendingResponse) {
        do throws(Problem) {
            let batch = try body.span.withUnsafeBytes { bytes throws(Problem) in
                try api.decode(bytes, manner)
            }
            api.store(batch, pending)
        } catch {
            pending.complete { error.write(to: &$0) }
        }
        state.withLock { $0.share.release() }
    }

    /// The contents of a piece.
    private struct Piece {
        var events: [Event] = []
        var indexes: [Int] = []
        var rejections: [(index: Int, status: HTTPStatus, errors: [FieldError])] = []
        var problem: Problem?
        var count = 0
        var hasList = false
        var hasNothing = false

        mutating func add(_ item: Ingested, at index: Int) {
            count += 1
            switch item {
            case .event(let event):
                events.append(event)
                indexes.append(index)
            case .invalid(let errors):
                rejections.append((index, .unprocessableContent, errors))
                problem = problem ?? Problem(invalid: errors)
            case .nothing: hasNothing = true
            }
        }

        mutating func reject(_ index: Int, _ status: HTTPStatus, _ detail: String) {
            count += 1
            rejections.append((index, status, [FieldError(pointer: "", detail: detail)]))
        }
    }

    /// Reads complete lines and stores their events.
    private func read(
        _ lines: [UInt8], firstLine: Int, _ scanner: ItemScanner?, isLast: Bool
    ) {
        var piece = Piece()
        var scanner = scanner
        lines.withUnsafeBytes { bytes in
            var index = firstLine
            var rest = bytes[...]
            while !rest.isEmpty {
                let lineFeed = rest.firstIndex(of: Self.lineFeed)
                let line = rest[..<(lineFeed ?? rest.endIndex)]
                let isWhole = lineFeed != nil || isLast
                if scanner != nil || !(isWhole && read(line, at: index, into: &piece)) {
                    // The end of the line belongs to it.
                    let end = lineFeed.map { $0 + 1 } ?? rest.endIndex
                    scan(rest[..<end], at: index, &scanner, into: &piece)
                }
                rest = rest[(lineFeed.map { $0 + 1 } ?? rest.endIndex)...]
                index += 1
            }
        }
        if isLast, scanner != nil {
            scanner?.end()
            takeItems(&scanner, into: &piece)
            scanner = nil
        }
        finish(piece, scanner)
    }

    /// Reads a line; false if it is not JSON by itself.
    private func read(
        _ line: Slice<UnsafeRawBufferPointer>, at index: Int, into piece: inout Piece
    ) -> Bool {
        guard let first = line.first(where: { !$0.isBlank }) else { return true }
        // The elements of an array are found one by one.
        guard line.count <= Self.lineLimit, first != UInt8(ascii: "[") else { return false }
        let before = (events: piece.events.count, rejections: piece.rejections.count, piece.count)
        do throws(JSONError) {
            var reader = JSONReader(UnsafeRawBufferPointer(rebasing: line))
            let isList = try EventFormats.read(&reader, now: api.now(), options) {
                piece.add($0, at: index)
            }
            if isList { piece.hasList = true }
            try reader.expectEnd()
            return true
        } catch {
            // There is more after the value.
            piece.events.removeLast(piece.events.count - before.events)
            piece.indexes.removeLast(piece.indexes.count - before.events)
            piece.rejections.removeLast(piece.rejections.count - before.rejections)
            piece.count = before.2
            return false
        }
    }

    /// Finds items in text that is not a line of JSON.
    private func scan(
        _ bytes: Slice<UnsafeRawBufferPointer>, at index: Int, _ scanner: inout ItemScanner?,
        into piece: inout Piece
    ) {
        if scanner == nil { scanner = ItemScanner(itemBytes: Self.lineLimit, line: index) }
        scanner?.append(bytes)
        takeItems(&scanner, into: &piece)
        if scanner?.isBetweenItems == true { scanner = nil }
    }

    private func takeItems(_ scanner: inout ItemScanner?, into piece: inout Piece) {
        while let item = scanner?.next() {
            switch item.content {
            case .json(let json):
                do throws(JSONError) {
                    let items = try EventFormats.readItem(json, now: api.now(), options)
                    for found in items { piece.add(found, at: item.line) }
                } catch {
                    piece.reject(item.line, .badRequest, "the line is not valid JSON: \(error)")
                    piece.problem = piece.problem ?? Problem(error)
                }
            case .tooLong:
                piece.reject(
                    item.line, .contentTooLarge,
                    "the line is longer than \(Self.lineLimit) bytes")
                piece.problem = piece.problem ?? api.itemTooLong
            case .list: piece.hasList = true
            case .cutOff:
                piece.reject(item.line, .badRequest, "the array breaks off")
                piece.hasList = true
            }
        }
    }

    private func finish(_ piece: Piece, _ scanner: ItemScanner?) {
        state.withLock { state in
            for rejection in piece.rejections {
                state.summary.reject(rejection.index, rejection.status, rejection.errors)
            }
            state.items.count += piece.count
            state.items.hasList = state.items.hasList || piece.hasList
            state.items.hasNothing = state.items.hasNothing || piece.hasNothing || piece.hasList
            state.items.problem = state.items.problem ?? piece.problem
            state.scanner = scanner
            if !piece.events.isEmpty { state.committing += 1 }
        }
        if !piece.events.isEmpty { store(piece.events, piece.indexes) }
        // Only now may the next piece be read, because its events come after these.
        state.withLock { $0.isReading = false }
        proceed()
    }

    private func store(_ events: [Event], _ indexes: [Int]) {
        api.repository.append(events) { [self] result in
            state.withLock { state in
                state.committing -= 1
                switch result {
                case .success(let outcomes):
                    if state.items.first == nil, let event = events.first,
                        let outcome = outcomes.first
                    {
                        state.items.first = (event, outcome)
                    }
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

    // MARK: Answering

    /// The answer to a complete body.
    private func answer(_ state: State) -> Answer {
        if state.form == .objects, state.items.count == 1, !state.items.hasList {
            if let problem = state.items.problem { return .problem(problem) }
            if let (event, outcome) = state.items.first { return .single(event, outcome) }
        }
        if state.summary.stored > 0 || state.summary.rejected == 0 && state.items.hasNothing {
            return .summary(state.summary)
        }
        guard state.summary.rejected == 0 else {
            return .problem(state.summary.problem("No line of the stream can be stored"))
        }
        do throws(Problem) {
            if state.form == .unknown { try LogbookAPI.checkBegin(nil, manner) }
        } catch {
            return .problem(error)
        }
        return .problem(Problem(.unprocessableContent, "The stream holds no event."))
    }

    private func answerCut(_ state: inout State, _ pending: PendingResponse) -> Step? {
        guard case .cut(let problem) = state.end else { return nil }
        state.isAnswered = true
        return .answer(pending, .problem(interrupted(problem, state)))
    }

    /// Adds what is stored of a stream; a body that may be a single event has nothing stored yet.
    private func interrupted(_ problem: Problem, _ state: State) -> Problem {
        state.form == .lines || state.items.count > 1 ? problem.behind(state.summary) : problem
    }

    private func write(_ answer: Answer, to response: inout Response) {
        switch answer {
        case .single(let event, let outcome):
            LogbookAPI.writeSingle(event, outcome, manner, to: &response)
        case .summary(let summary): summary.write(to: &response)
        case .problem(let problem): problem.write(to: &response)
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
