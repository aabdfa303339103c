import Access
import Dispatch
import EventStore
import Events
import HTTP
import HTTPServer
import Ingest
import JSON
import Synchronization

/// The way a request wants its events stored.
struct IngestionManner {
    /// True for all or nothing.
    var isStrict = false
    /// True if events keep the times at which another store received them.
    var keepsReceivedAt = false
    /// True if the answer to a single event has no body.
    var isMinimal = false
    /// True if the Content-Type is that of JSON.
    var isJSONType = false
    /// The cluster of events that name none; nil for that of `--cluster-name`.
    var cluster: String?

    static let parameters = ["strict", "keep_received_at", "cluster"]
}

/// Storing events.
extension LogbookAPI {
    /// The longest body that is read on an event loop. Longer ones go to a Dispatch queue, because
    /// the loop has others to serve.
    private static let bodyReadOnLoop = 256 * 1024
    static let ingestionQueue = DispatchQueue(
        label: "logbook.ingestion", attributes: .concurrent)
    /// The most bytes of bodies being read there.
    static let ingestedLimit = 64 * 1024 * 1024
    /// The most events in one array.
    static let arrayLimit = 10_000

    func postEvents(_ request: Request, _ response: inout Response) throws(Problem) {
        let manner = try manner(request)
        let coding = try coding(request)
        guard !Self.takesPieces(request) else {
            guard !manner.isStrict else {
                throw Problem(
                    QueryError(
                        parameter: "strict",
                        detail: "goes with an array: a stream is stored in pieces"))
            }
            guard request.isBodyToCome else {
                throw Problem(.unprocessableContent, "The stream holds no event.")
            }
            let ingestion = try LineIngestion(
                self, manner, form: Self.isLines(request) ? .lines : .unknown,
                inflater: coding.map(Inflater.init), contentLength: request.contentLength,
                client: request.client)
            return ingestion.receive(request)
        }
        if coding == nil, request.body.count <= Self.bodyReadOnLoop {
            let batch = try decode(request.body, manner)
            let pending = request.postpone()
            return store(batch, pending)
        }
        try decodeElsewhere(request, manner, coding)
    }

    private func decodeElsewhere(
        _ request: Request, _ manner: IngestionManner, _ coding: Inflater.Coding?
    ) throws(Problem) {
        let share = IngestionShare(self, request.client)
        try share.reserve(request.body.count)
        let body = Array(request.body)
        let pending = request.postpone()
        Self.ingestionQueue.async { [self] in
            do throws(Problem) {
                var content = body
                if let coding { content = try inflate(body, coding, share) }
                let batch = try content.span.withUnsafeBytes { bytes throws(Problem) in
                    try decode(bytes, manner)
                }
                share.release()
                store(batch, pending)
            } catch {
                share.release()
                pending.complete { error.write(to: &$0) }
            }
        }
    }

    /// Decompresses a whole body in pieces.
    private func inflate(
        _ body: [UInt8], _ coding: Inflater.Coding, _ share: IngestionShare
    ) throws(Problem) -> [UInt8] {
        let inflater = Inflater(coding)
        var content: [UInt8] = []
        var taken = 0
        while taken < body.count || inflater.hasMore {
            taken += try body.span.withUnsafeBytes { bytes throws(Problem) in
                try Self.inflate(
                    UnsafeRawBufferPointer(rebasing: bytes[taken...]), inflater, &content)
            }
            guard content.count <= bodyLimit else { throw tooLarge }
            try share.reserve(body.count + content.count)
        }
        guard inflater.isWhole || body.isEmpty else { throw Self.endsInTheMiddle }
        return content
    }

    /// Decompresses a piece; returns the number of bytes of `input` that it took.
    static func inflate(
        _ input: UnsafeRawBufferPointer, _ inflater: Inflater, _ output: inout [UInt8]
    ) throws(Problem) -> Int {
        do throws(Inflater.Failure) {
            return try inflater.inflate(input, into: &output, limit: 64 * 1024)
        } catch .corrupt {
            throw Problem(.badRequest, "The compressed body is corrupt.")
        } catch {
            throw Problem(
                .contentTooLarge,
                "The body expands to more than \(Inflater.mostExpansion) times its size.")
        }
    }

    static let endsInTheMiddle = Problem(
        .badRequest, "The compressed body ends in the middle.")

    /// The answer to a single item that is longer than any event.
    var itemTooLong: Problem {
        Problem(.contentTooLarge, "An event is at most \(LineIngestion.lineLimit) bytes long.")
    }

    /// The answer to a body that is longer than the limit.
    var tooLarge: Problem {
        Problem(.contentTooLarge, "The body is longer than \(bodyLimit) bytes.")
    }

    private func manner(_ request: Request) throws(Problem) -> IngestionManner {
        let own = try parameters(request, known: IngestionManner.parameters)
        let manner = try reporting {
            IngestionManner(
                isStrict: try Bool(parameter: "strict", own["strict"]),
                keepsReceivedAt: try Bool(
                    parameter: "keep_received_at", own["keep_received_at"]),
                isMinimal: request.header("prefer").map(Self.prefersMinimal) ?? false,
                isJSONType: Self.mediaType(request).equalsIgnoringCase("application/json"),
                cluster: try own["cluster"].map(Self.clusterName))
        }
        // Setting an event's time of receipt sets the time of its removal.
        guard !manner.keepsReceivedAt || request.isAdmitted(for: .admin) else {
            throw Problem(.forbidden, "Keeping received_at needs the scope admin.")
        }
        return manner
    }

    private static func clusterName(_ name: String) throws(QueryError) -> String {
        guard EventRules.isClusterName(name) else {
            throw QueryError(
                parameter: "cluster",
                detail: "must have 1 to \(EventRules.nameCharacters) characters")
        }
        return name
    }

    /// The body's compression; nil if there is none.
    func coding(_ request: Request) throws(Problem) -> Inflater.Coding? {
        guard let coding = request.header("content-encoding") else { return nil }
        // RFC 9110, 5.3: several fields are a list, like one with commas.
        let fields = request.headers.count { $0.name.lowercased() == "content-encoding" }
        if fields == 1 {
            if coding.equalsIgnoringCase("identity") { return nil }
            if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
                return .gzip
            }
            if coding.equalsIgnoringCase("deflate") { return .deflate }
        }
        throw Problem(
            .unsupportedMediaType,
            "A body is taken as it is, or in one Content-Encoding: gzip or deflate.",
            isOfCoding: true)
    }

    /// The Content-Type without its parameters; empty if there is none.
    private static func mediaType(_ request: Request) -> UnsafeRawBufferPointer {
        let type = request.header("content-type") ?? UnsafeRawBufferPointer(start: nil, count: 0)
        return UnsafeRawBufferPointer(
            rebasing: type.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") })
    }

    /// Returns true if the body is a stream of events, one per line.
    private static func isLines(_ request: Request) -> Bool {
        let type = mediaType(request)
        return type.equalsIgnoringCase("application/x-ndjson")
            || type.equalsIgnoringCase("application/jsonl")
            || type.equalsIgnoringCase("application/ndjson")
    }

    /// Returns true if the body is read as it arrives: a stream by its type, or one of unknown
    /// length, as `kubectl --watch | curl -T -` sends.
    @Sendable static func takesPieces(_ request: Request) -> Bool {
        if isLines(request) { return true }
        guard request.isBodyToCome, request.contentLength == nil else { return false }
        // All or nothing needs the whole body.
        let parameters = (try? QueryParameters(request.query).pairs) ?? []
        return !parameters.contains { $0.name == "strict" }
    }

    /// RFC 7240, section 4.2.
    private static func prefersMinimal(_ prefer: UnsafeRawBufferPointer) -> Bool {
        prefer.split(separator: UInt8(ascii: ",")).contains { preference in
            String(decoding: preference, as: UTF8.self).filter { $0 != " " }.lowercased()
                == "return=minimal"
        }
    }

    // MARK: Reading the body

    /// Checks the beginning of a body. The content type is only a hint: `curl -d` sends that of a
    /// form, and some senders none.
    ///
    /// - Parameter first: the first byte that is not white space; nil if there is none.
    static func checkBegin(_ first: UInt8?, _ manner: IngestionManner) throws(Problem) {
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return
        case nil:
            throw Problem(
                .badRequest,
                "The body is empty; send an event as a JSON object, or an array of them.")
        case 0xFE, 0xFF:
            throw Problem(.unsupportedMediaType, "The body looks like UTF-16; send it as UTF-8.")
        default:
            guard manner.isJSONType else {
                throw Problem(
                    .unsupportedMediaType,
                    "The body is not JSON: an event is an object, several are an array, or one a line."
                )
            }
        }
    }

    /// Reads a whole body.
    func decode(
        _ body: UnsafeRawBufferPointer, _ manner: IngestionManner
    ) throws(Problem) -> EventBatch {
        try Self.checkBegin(body.first { !$0.isBlank }, manner)
        return try reporting { try decodeItems(body, manner) }
    }

    /// The options for reading events in this `manner`.
    func options(_ manner: IngestionManner) -> IngestOptions {
        var options = ingestOptions
        options.keepsReceivedAt = manner.keepsReceivedAt
        if let cluster = manner.cluster { options.cluster = cluster }
        return options
    }

    private func decodeItems(
        _ body: UnsafeRawBufferPointer, _ manner: IngestionManner
    ) throws -> EventBatch {
        var batch = EventBatch(manner, options(manner), rejections)
        var reader = JSONReader(body)
        var isArray = false
        var itemStart = 0
        do {
            isArray = try reader.peekKind() == .array
            if isArray {
                try readArray(&reader, &itemStart, into: &batch)
            } else {
                try readObjects(&reader, &itemStart, into: &batch)
            }
        } catch let error as JSONError {
            let rest = body[itemStart...]
            // A single event that something follows has no neighbors.
            let hasNeighbors = isArray || batch.count != 1 || rest.contains(UInt8(ascii: "{"))
            guard !manner.isStrict, hasNeighbors else {
                rejections.note(.badRequest)
                throw error
            }
            // From here on each item is found on its own, so that a broken one does not affect its
            // neighbors.
            let rejected = batch.summary.rejected
            try scan(body, from: itemStart, isArray: isArray, into: &batch)
            guard !batch.events.isEmpty else {
                if batch.summary.rejected == rejected { rejections.note(.badRequest) }
                throw error
            }
        }
        try batch.finish(isArray: isArray)
        return batch
    }

    private func readArray(
        _ reader: inout JSONReader, _ itemStart: inout Int, into batch: inout EventBatch
    ) throws {
        try reader.beginArray()
        itemStart = reader.offset
        while try reader.nextElement() {
            itemStart = reader.offset
            try add(&reader, to: &batch)
            itemStart = reader.offset
        }
        try reader.expectEnd()
    }

    /// Reads one object, or several in a row.
    private func readObjects(
        _ reader: inout JSONReader, _ itemStart: inout Int, into batch: inout EventBatch
    ) throws {
        while true {
            itemStart = reader.offset
            try add(&reader, to: &batch)
            itemStart = reader.offset
            guard !reader.atEnd() else { return }
            guard reader.isBeforeObject else { return try reader.expectEnd() }
            reader.beginNextText()
        }
    }

    private func add(_ reader: inout JSONReader, to batch: inout EventBatch) throws {
        let isList = try EventFormats.read(&reader, now: now(), batch.options) { batch.add($0) }
        if isList { batch.hasList = true }
        try check(batch)
    }

    private func scan(
        _ body: UnsafeRawBufferPointer, from start: Int, isArray: Bool, into batch: inout EventBatch
    ) throws {
        var scanner = ItemScanner(itemBytes: bodyLimit)
        if isArray { scanner.resumeArray(after: batch.count) }
        scanner.append(body[start...])
        scanner.end()
        while let item = scanner.next() {
            let offset = start + item.offset
            switch item.content {
            case .json(let json):
                do throws(JSONError) {
                    let items = try EventFormats.readItem(json, now: now(), batch.options)
                    for item in items { batch.add(item) }
                } catch {
                    batch.add(error.message, at: offset + error.offset)
                }
            case .tooLong: throw tooLarge
            case .list: batch.hasList = true
            case .cutOff: batch.add("the array breaks off", at: body.count)
            }
            try check(batch)
        }
    }

    /// - Throws: `413` if `batch` has too many items.
    private func check(_ batch: EventBatch) throws(Problem) {
        guard batch.count <= Self.arrayLimit else {
            rejections.note(.contentTooLarge)
            throw Problem(
                .contentTooLarge,
                "A body holds at most \(Self.arrayLimit) events; a stream of lines, sent as "
                    + "application/x-ndjson, any number.")
        }
    }

    // MARK: Answering

    /// Stores the valid events, and answers.
    func store(_ batch: EventBatch, _ pending: PendingResponse) {
        guard !batch.events.isEmpty else {
            return pending.complete { batch.writeSummary([], nil, to: &$0) }
        }
        repository.append(batch.events, allOrNothing: batch.manner.isStrict) { [self] result in
            switch result {
            case .failure(let error):
                rejections.noteUnavailable(batch.events.count)
                pending.complete { Problem(error).write(to: &$0) }
            case .success(let outcomes):
                let expired =
                    batch.manner.keepsReceivedAt ? countExpired(outcomes, batch.events) : nil
                pending.enqueue { response in
                    if batch.isSingle {
                        Self.writeSingle(batch.events[0], outcomes[0], batch.manner, to: &response)
                    } else {
                        batch.writeSummary(outcomes, expired, to: &response)
                    }
                }
            }
        }
    }

    /// The number of `events` stored now that are past the age of their severity.
    func countExpired(_ outcomes: [AppendOutcome], _ events: [Event]) -> Int {
        let now = now().milliseconds
        let ages = repository.retention.ages
        return zip(outcomes, events).count { outcome, event in
            guard case .stored(let receipt) = outcome,
                let severity = event.text(.severity).flatMap(Severity.init),
                let age = ages[severity]
            else { return false }
            return receipt.receivedAt < now - Int64(age / .milliseconds(1))
        }
    }

    /// Answers a request with one event.
    static func writeSingle(
        _ event: Event, _ outcome: AppendOutcome, _ manner: IngestionManner,
        to response: inout Response
    ) {
        switch outcome {
        case .stored(let receipt):
            response.status = .created
            write(event, receipt, isMinimal: manner.isMinimal, to: &response)
        case .duplicate(let stored, let receipt):
            write(stored, receipt, isMinimal: manner.isMinimal, to: &response)
        case .conflict:
            Problem(
                .conflict,
                "An event with the id '\(event.text(.id) ?? "")' is stored already, with other content.",
                errors: [(.pointer("/id"), "is taken by an event with other content")]
            ).write(to: &response)
        }
    }

    private static func write(
        _ event: Event, _ receipt: EventReceipt, isMinimal: Bool, to response: inout Response
    ) {
        response.addHeader("Cache-Control", "no-store")
        event.withView(receipt) { view in
            var location: [UInt8] = []
            // Relative to /events, so that it works under any prefix that a proxy adds.
            location.append("events/")
            location.append(contentsOf: view[.id]!)
            response.addHeader("Location", location)
            guard !isMinimal else { return }
            view.appendJSON(to: &response.body)
            response.body.append("\n")
        }
        if isMinimal {
            response.contentType = nil
            response.addHeader("Preference-Applied", "return=minimal")
        }
    }
}

/// The bytes reserved for one body while it is read, released explicitly or with the last
/// reference. For one thread at a time.
final class IngestionShare: @unchecked Sendable {
    private let api: LogbookAPI
    private let client: UInt64
    private var bytes = 0

    init(_ api: LogbookAPI, _ client: UInt64) {
        self.api = api
        self.client = client
    }

    deinit { release() }

    /// Reserves `total` bytes.
    ///
    /// - Throws: `503` if there is no space.
    func reserve(_ total: Int) throws(Problem) {
        guard total > bytes else { return }
        guard api.ingestion.withLock({ $0.take(total - bytes, for: client) }) else {
            throw Problem(.serviceUnavailable, "Not now: too many large bodies are being read.")
        }
        bytes = total
    }

    /// Gives everything back.
    func release() {
        guard bytes > 0 else { return }
        api.ingestion.withLock { $0.giveBack(bytes, from: client) }
        bytes = 0
    }
}

extension UInt8 {
    /// True for JSON's white space.
    var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
