import EventStore
import Events
import HTTPServer
import Ingest

/// The events of one body, a single one or several, with the invalid items apart.
struct EventBatch: Sendable {
    let manner: IngestionManner
    let options: IngestOptions
    /// True if the body is one event, not an array or a list.
    private(set) var isSingle = false
    /// True if there is a list among the items, which may be empty.
    var hasList = false
    private(set) var events: [Event] = []
    /// The index among the items of each of `events`.
    private(set) var indexes: [Int] = []
    /// The number of items so far, good and bad.
    private(set) var count = 0
    private(set) var summary: IngestionSummary
    /// The errors of the last invalid item.
    private var lastErrors: [FieldError] = []

    /// Creates an empty batch; `add` fills it.
    init(_ manner: IngestionManner, _ options: IngestOptions, _ counters: Rejections) {
        summary = IngestionSummary(listedIDs: .max, counters)
        self.manner = manner
        self.options = options
    }

    mutating func add(_ item: Ingested) {
        switch item {
        case .event(let event):
            events.append(event)
            indexes.append(count)
        case .invalid(let errors):
            summary.reject(count, .unprocessableContent, errors)
            lastErrors = errors
        case .nothing: break
        }
        count += 1
    }

    /// Counts an item that is not JSON, with the offset of the error in the body.
    mutating func add(_ message: String, at offset: Int) {
        let detail = "the item is not valid JSON: \(message) at byte \(offset) of the body"
        summary.reject(count, .badRequest, [FieldError(pointer: "", detail: detail)])
        count += 1
    }

    /// Ends the batch.
    ///
    /// - Throws: `422` if nothing is usable or, if strict, not everything.
    mutating func finish(isArray: Bool) throws(Problem) {
        isSingle = !isArray && !hasList && count == 1 && (summary.rejected > 0 || !events.isEmpty)
        guard count > 0 || hasList else {
            throw Problem(.unprocessableContent, "The array is empty.")
        }
        guard summary.rejected > 0, events.isEmpty || manner.isStrict else { return }
        guard !isSingle else { throw Problem(invalid: lastErrors) }
        throw summary.problem(
            events.isEmpty
                ? "There is no valid event among the items"
                : "Not every item is a valid event, and strict=true stores all or nothing"
        )
    }

    /// Writes the summary of items whose valid events had these outcomes.
    ///
    /// - Parameter expired: the number of them that are past their age; nil if that is not
    ///   reported.
    func writeSummary(
        _ outcomes: [AppendOutcome], _ expired: Int?, to response: inout Response
    ) {
        var summary = summary
        summary.expired = expired
        summary.add(outcomes, of: events, at: indexes)
        guard summary.rejected == 0 || summary.stored > 0 && !manner.isStrict else {
            return summary.problem(
                manner.isStrict
                    ? "Not every item can be stored, and strict=true stores all or nothing"
                    : "None of the items can be stored"
            ).write(to: &response)
        }
        summary.write(to: &response)
    }
}

extension Problem {
    /// Creates the problem of a single invalid event.
    init(invalid errors: [FieldError]) {
        self.init(
            .unprocessableContent,
            "The event is not valid: \(errors.sentence).",
            errors: errors.map { (.pointer($0.pointer), $0.detail) })
    }
}
