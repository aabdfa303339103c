import JSON

/// Sends events to a server in pieces, each of which is stored when it is answered, and again when it
/// is not.
struct EventUpload {
    private let client: HTTPClient
    private let patience: Patience
    private var progress = Progress()
    /// Lines that are to be sent next, and where they come from.
    private var lines: [UInt8] = []
    private var places: [String] = []
    private var told = 0
    private(set) var accepted = 0
    private(set) var duplicates = 0
    private(set) var rejected = 0

    /// A piece has no more than these; a server takes a few of them at a time into one commit.
    private static let pieceBytes = 1024 * 1024
    private static let pieceEvents = 4096
    /// Rejected items that are told; the others are counted.
    private static let toldRejections = 20

    init(_ client: HTTPClient, patience: Patience) {
        self.client = client
        self.patience = patience
    }

    /// Adds an item, and sends what there is when that is enough.
    mutating func add(_ item: ImportSource.Item, fraction: Double?) throws {
        if let problem = item.problem { return reject(item.place, problem) }
        do throws(JSONError) {
            try ImportedEvent.append(item, to: &lines)
        } catch {
            return reject(item.place, "\(error.message) at column \(error.column)")
        }
        places.append(item.place)
        if lines.count >= Self.pieceBytes || places.count == Self.pieceEvents {
            try send(fraction: fraction)
        }
    }

    /// Sends what there is.
    mutating func send(fraction: Double?) throws {
        guard !places.isEmpty else { return }
        let answer = try patience.retrying { [client, lines] () throws(ClientError) in
            try client.exchange(
                "POST", "/events", headers: [("Content-Type", "application/x-ndjson")], body: lines
            )
            .accepting(422)
        }
        let outcome: IngestionAnswer
        if answer.head.status == 422 {
            outcome = IngestionAnswer(refusal: answer.body, lines: places.count)
        } else if let summary = IngestionAnswer(summary: answer.body) {
            outcome = summary
        } else {
            throw ClientError.unusable("the answer is not a summary of what was stored")
        }
        accepted += outcome.accepted
        duplicates += outcome.duplicates
        for error in outcome.errors where error.line < places.count {
            tell(places[error.line], error.detail)
        }
        rejected += outcome.rejected
        lines.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        progress.show(accepted + duplicates + rejected, fraction: fraction)
    }

    private mutating func reject(_ place: String, _ problem: String) {
        rejected += 1
        tell(place, problem)
    }

    private mutating func tell(_ place: String, _ problem: String) {
        told += 1
        guard told <= Self.toldRejections else { return }
        progress.finish()
        printToStandardError("\(place): \(problem)")
    }

    /// Ends the showing of progress, and says how much was not told.
    mutating func finish() {
        progress.finish()
        if told > Self.toldRejections {
            printToStandardError("… and more; \(rejected) were rejected in all")
        }
        told = 0
    }
}
