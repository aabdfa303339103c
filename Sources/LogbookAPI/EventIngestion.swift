import Access
import Dispatch
import EventStore
import Events
import HTTPServer
import JSON

/// The way that a request wants its events stored.
struct IngestionManner {
    /// True for all or nothing.
    var isStrict = false
    /// True if events keep the times at which another store received them.
    var keepsReceivedAt = false

    static let parameters = ["strict", "keep_received_at"]
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
        try checkEncoding(request)
        if Self.isLines(request) {
            guard !manner.isStrict else {
                throw Problem(
                    QueryError(
                        parameter: "strict",
                        detail: "goes with an array: a stream is stored in pieces"))
            }
            guard request.isBodyToCome else {
                throw Problem(.unprocessableContent, "The stream holds no event.")
            }
            return try LineIngestion(
                self, keepsReceivedAt: manner.keepsReceivedAt,
                contentLength: request.contentLength, client: request.client
            ).receive(request)
        }
        try checkContent(request)
        let isMinimal = request.header("prefer").map(Self.prefersMinimal) ?? false
        guard request.body.count > Self.bodyReadOnLoop else {
            let batch = try decode(request.body, manner)
            let pending = request.postpone()
            return store(batch, isMinimal: isMinimal, pending)
        }
        try decodeElsewhere(request, manner, isMinimal: isMinimal)
    }

    private func decodeElsewhere(
        _ request: Request, _ manner: IngestionManner, isMinimal: Bool
    ) throws(Problem) {
        let size = request.body.count
        let client = request.client
        try reserveIngestion(size, for: client)
        let body = Array(request.body)
        let pending = request.postpone()
        Self.ingestionQueue.async { [self] in
            defer { releaseIngestion(size, from: client) }
            do throws(Problem) {
                let batch = try body.span.withUnsafeBytes { bytes throws(Problem) in
                    try decode(bytes, manner)
                }
                store(batch, isMinimal: isMinimal, pending)
            } catch {
                pending.complete { error.write(to: &$0) }
            }
        }
    }

    /// Reserves `bytes` for a body of `client` that is being read.
    ///
    /// - Throws: `503` if there is no space.
    func reserveIngestion(_ bytes: Int, for client: UInt64) throws(Problem) {
        guard ingestion.withLock({ $0.take(bytes, for: client) }) else {
            throw Problem(
                .serviceUnavailable, "Not now: too many large bodies are being read.")
        }
    }

    func releaseIngestion(_ bytes: Int, from client: UInt64) {
        ingestion.withLock { $0.giveBack(bytes, from: client) }
    }

    private func manner(_ request: Request) throws(Problem) -> IngestionManner {
        let own = try parameters(request, known: IngestionManner.parameters)
        let manner = try reporting {
            IngestionManner(
                isStrict: try Bool(parameter: "strict", own["strict"]),
                keepsReceivedAt: try Bool(
                    parameter: "keep_received_at", own["keep_received_at"]))
        }
        // Setting an event's time of receipt sets the time of its removal.
        guard !manner.keepsReceivedAt || request.isAdmitted(for: .admin) else {
            throw Problem(.forbidden, "Keeping received_at needs the scope admin.")
        }
        return manner
    }

    private func checkEncoding(_ request: Request) throws(Problem) {
        if let encoding = request.header("content-encoding"),
            !encoding.equalsIgnoringCase("identity")
        {
            throw Problem(.unsupportedMediaType, "The body is taken as it is: no Content-Encoding.")
        }
    }

    /// The Content-Type without its parameters; empty if there is none.
    private static func mediaType(_ request: Request) -> UnsafeRawBufferPointer {
        let type = request.header("content-type") ?? UnsafeRawBufferPointer(start: nil, count: 0)
        return UnsafeRawBufferPointer(
            rebasing: type.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") })
    }

    /// True if the body is a stream of events, one on each line.
    @Sendable static func isLines(_ request: Request) -> Bool {
        let type = mediaType(request)
        return type.equalsIgnoringCase("application/x-ndjson")
            || type.equalsIgnoringCase("application/jsonl")
            || type.equalsIgnoringCase("application/ndjson")
    }

    /// Checks the content type, which is only a hint: `curl -d` sends that of a form, and some
    /// senders none.
    private func checkContent(_ request: Request) throws(Problem) {
        guard let first = request.body.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) })
        else {
            throw Problem(
                .badRequest,
                "The body is empty; send an event as a JSON object, or an array of them.")
        }
        guard
            first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
                || Self.mediaType(request).equalsIgnoringCase("application/json")
        else {
            throw Problem(
                .unsupportedMediaType,
                "The body is not JSON: an event is an object, several are an array, or one a line.")
        }
    }

    /// RFC 7240, section 4.2.
    private static func prefersMinimal(_ prefer: UnsafeRawBufferPointer) -> Bool {
        prefer.split(separator: UInt8(ascii: ",")).contains { preference in
            String(decoding: preference, as: UTF8.self).filter { $0 != " " }.lowercased()
                == "return=minimal"
        }
    }

    // MARK: Reading the body

    private func decode(
        _ body: UnsafeRawBufferPointer, _ manner: IngestionManner
    ) throws(Problem) -> EventBatch {
        try reporting {
            do {
                return try decodeItems(body, manner)
            } catch let error as JSONError {
                rejections.note(.badRequest)
                throw error
            }
        }
    }

    private func decodeItems(
        _ body: UnsafeRawBufferPointer, _ manner: IngestionManner
    ) throws -> EventBatch {
        var reader = JSONReader(body)
        guard try reader.peekKind() == .array else {
            return try decodeObjects(&reader, body, manner)
        }
        var batch = EventBatch(manner, rejections)
        try reader.beginArray()
        var itemStart = reader.offset
        do {
            while try reader.nextElement() {
                itemStart = reader.offset
                try add(&reader, to: &batch)
                itemStart = reader.offset
            }
            itemStart = body.count
            try reader.expectEnd()
        } catch let error as JSONError where !manner.isStrict {
            // From here on, items are searched for, so that a broken one does not affect its
            // neighbors.
            let rejected = batch.summary.rejected
            try addItems(of: body, from: itemStart, to: &batch)
            if batch.summary.rejected == rejected { batch.add(error, at: error.offset) }
            guard !batch.events.isEmpty else { throw error }
        }
        try batch.check()
        return batch
    }

    /// Adds the items of an array that failed to parse at or after `start`.
    private func addItems(
        of body: UnsafeRawBufferPointer, from start: Int, to batch: inout EventBatch
    ) throws {
        var start = start
        while start < body.count, body[start].isBlank { start += 1 }
        // The comma before the failed item.
        if start < body.count, body[start] == UInt8(ascii: ",") { start += 1 }
        while start < body.count {
            let end = ItemSearch.end(of: start, in: body)
            let item = body[start..<(end ?? body.count)]
            let isLast = end.map { body[$0] != UInt8(ascii: ",") } ?? true
            if isLast, item.allSatisfy(\.isBlank) { return }
            var reader = JSONReader(UnsafeRawBufferPointer(rebasing: item))
            do {
                try check(batch)
                let decoded = try decode(&reader, batch.manner)
                try reader.expectEnd()
                batch.add(decoded)
            } catch let error as JSONError {
                batch.add(error, at: start + error.offset)
            }
            guard let end, !isLast else { return }
            start = end + 1
        }
    }

    /// Decodes one event, or several if another object follows the first.
    private func decodeObjects(
        _ reader: inout JSONReader, _ body: UnsafeRawBufferPointer, _ manner: IngestionManner
    ) throws -> EventBatch {
        let start = reader.offset
        do {
            let first = try decode(&reader, manner)
            if reader.atEnd() { return try EventBatch(single: first, rejections) }
            if body[reader.offset] != UInt8(ascii: "{") { try reader.expectEnd() }
        } catch let error as JSONError {
            guard !manner.isStrict, ItemSearch.nextLine(behind: start, in: body) != nil else {
                throw error
            }
        }
        var batch = EventBatch(manner, rejections)
        try addObjects(of: body, to: &batch)
        try batch.check()
        return batch
    }

    /// Adds consecutive objects. After a broken one, continues with the next line that begins with
    /// an object.
    private func addObjects(of body: UnsafeRawBufferPointer, to batch: inout EventBatch) throws {
        var first: JSONError?
        var start = 0
        // The bytes that are read twice, because a broken object spanned lines, are bounded.
        var rereadable = body.count
        while true {
            var reader = JSONReader(UnsafeRawBufferPointer(rebasing: body[start...]))
            var objectStart = 0
            do {
                var hasMore = !reader.atEnd()
                while hasMore {
                    objectStart = reader.offset
                    try add(&reader, to: &batch)
                    hasMore = !reader.atEnd()
                    if hasMore { reader.beginNextText() }
                }
                break
            } catch let error as JSONError where !batch.manner.isStrict {
                first = first ?? error
                batch.add(error, at: start + error.offset)
                guard let next = ItemSearch.nextLine(behind: start + objectStart, in: body) else {
                    break
                }
                rereadable -= max(0, start + error.offset - next)
                guard rereadable > 0 else { break }
                start = next
            }
        }
        if let first, batch.events.isEmpty { throw first }
    }

    private func add(_ reader: inout JSONReader, to batch: inout EventBatch) throws {
        try check(batch)
        batch.add(try decode(&reader, batch.manner))
    }

    private func decode(
        _ reader: inout JSONReader, _ manner: IngestionManner
    ) throws(JSONError) -> EventDecoder.Decoded {
        try EventDecoder.decode(
            &reader, now: now(), redaction: redaction, keepsReceivedAt: manner.keepsReceivedAt)
    }

    /// Checks that `batch` takes another item.
    ///
    /// - Throws: `413` if it is full.
    private func check(_ batch: EventBatch) throws(Problem) {
        guard batch.count < Self.arrayLimit else {
            rejections.note(.contentTooLarge)
            throw Problem(
                .contentTooLarge,
                "A body holds at most \(Self.arrayLimit) events; a stream of lines, sent as "
                    + "application/x-ndjson, any number.")
        }
    }

    // MARK: Answering

    private func store(_ batch: EventBatch, isMinimal: Bool, _ pending: PendingResponse) {
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
                        Self.writeSingle(
                            batch.events[0], outcomes[0], isMinimal: isMinimal, to: &response)
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

    private static func writeSingle(
        _ event: Event, _ outcome: AppendOutcome, isMinimal: Bool, to response: inout Response
    ) {
        switch outcome {
        case .stored(let receipt):
            response.status = .created
            write(event, receipt, isMinimal: isMinimal, to: &response)
        case .duplicate(let stored, let receipt):
            write(stored, receipt, isMinimal: isMinimal, to: &response)
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

extension UInt8 {
    /// True for JSON white space.
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
