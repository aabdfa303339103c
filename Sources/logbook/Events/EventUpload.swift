import HTTPClient
import JSON

/// Sends events to a server in pieces. An answered piece is stored; others are sent again.
struct EventUpload {
    private let client: LogbookClient
    private let patience: Patience
    private var progress = Progress()
    /// The next lines to send, and their origins.
    private var lines: [UInt8] = []
    private var places: [String] = []
    private var told = 0
    private(set) var accepted = 0
    private(set) var duplicates = 0
    private(set) var rejected = 0
    /// Accepted events that are older than the server keeps them.
    private(set) var expired = 0
    private let keepsReceivedAt: Bool
    private let target: String

    /// The most bytes of a piece. Smaller after a server refused one as too large.
    private var pieceBytes = EventUpload.mostPieceBytes

    /// Well below a proxy's usual limit on bodies, 1 MB.
    private static let mostPieceBytes = 512 * 1024
    private static let pieceEvents = 4096
    /// The most rejected items to report; others are counted.
    private static let toldRejections = 20

    /// - Parameter cluster: the cluster of events that name none; nil for the server's.
    init(
        _ client: LogbookClient, patience: Patience, keepsReceivedAt: Bool, cluster: String? = nil
    ) {
        self.keepsReceivedAt = keepsReceivedAt
        var parameters: EventSource.Parameters =
            keepsReceivedAt ? [("keep_received_at", "true")] : []
        if let cluster { parameters.append(("cluster", cluster)) }
        target = EventSource.target("/events", parameters)
        self.client = client
        self.patience = patience
    }

    /// Adds an item, and sends the piece if it is large enough.
    mutating func add(_ item: ImportSource.Item, fraction: Double?) throws {
        if let problem = item.problem { return reject(item.place, problem) }
        let before = lines.count
        do {
            let problem = try ImportedEvent.append(
                item, as: .sent, keepsReceivedAt: keepsReceivedAt, to: &lines)
            if let problem { return reject(item.place, problem) }
        } catch {
            return reject(item.place, "\(error.message) at column \(error.column)")
        }
        // For a deletion or an empty list, nothing is sent.
        guard lines.count > before else { return }
        if !places.isEmpty, lines.count > pieceBytes {
            let line = Array(lines[before...])
            lines.removeLast(line.count)
            try send(fraction: fraction)
            lines = line
        }
        places.append(item.place)
        if lines.count >= pieceBytes || places.count == Self.pieceEvents {
            try send(fraction: fraction)
        }
    }

    /// True if nothing waits to be sent.
    var isEmpty: Bool { places.isEmpty }

    /// Sends the remaining items.
    mutating func send(fraction: Double?) throws {
        var left = (lines: lines[...], places: places[...])
        lines = []
        places = []
        while !left.places.isEmpty {
            let piece = firstPiece(of: left.lines)
            let sent = left.places.prefix(piece.events)
            if try send(left.lines.prefix(piece.bytes), sent) {
                left.lines.removeFirst(piece.bytes)
                left.places.removeFirst(piece.events)
            } else {
                // Later pieces should be no larger.
                pieceBytes = piece.bytes / 2
            }
        }
        progress.show(accepted + duplicates + rejected, fraction: fraction)
    }

    /// The first of `lines` that fit in a piece, at least one.
    private func firstPiece(of lines: ArraySlice<UInt8>) -> (bytes: Int, events: Int) {
        var piece = (bytes: 0, events: 0)
        for (index, byte) in lines.enumerated() where byte == UInt8(ascii: "\n") {
            guard piece.events == 0 || index < pieceBytes else { break }
            piece = (index + 1, piece.events + 1)
        }
        return piece
    }

    /// Sends a piece; false if it is too large and has several events.
    private mutating func send(
        _ lines: ArraySlice<UInt8>, _ places: ArraySlice<String>
    ) throws -> Bool {
        let answer = try patience.retrying { [client] () throws(ClientError) in
            try client.exchange(
                "POST", target, headers: [("Content-Type", "application/x-ndjson")],
                body: Array(lines)
            )
            .accepting(413, 422)
        }
        if answer.head.status == 413 {
            guard places.count == 1, let place = places.first else { return false }
            reject(place, "\(answer.refusal)")
            return true
        }
        let outcome: IngestionAnswer
        if answer.head.status == 422 {
            outcome = IngestionAnswer(refusal: answer.body, lines: places.count)
        } else if let summary = IngestionAnswer(summary: answer.body) {
            outcome = summary
        } else {
            throw ClientError.unusable("the answer is not a summary of what was stored")
        }
        guard outcome.lines <= places.count else {
            throw ClientError.unusable("the answer counts more events than were sent")
        }
        accepted += outcome.accepted
        expired += min(outcome.expired, outcome.accepted)
        duplicates += outcome.duplicates
        for error in outcome.errors where (0..<places.count).contains(error.line) {
            tell(places[places.startIndex + error.line], error.detail)
        }
        rejected += outcome.rejected
        return true
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

    /// Ends the progress display, and reports the number of unreported rejections.
    mutating func finish() {
        progress.finish()
        if told > Self.toldRejections {
            printToStandardError("… and more; \(rejected) were rejected in all")
        }
        told = 0
    }
}
