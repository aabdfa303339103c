import EventStore
import Events
import HTTPServer
import JSON

/// The events in one body: a single event, or several with good and bad items told apart.
struct EventBatch: Sendable {
    let isSingle: Bool
    let manner: IngestionManner
    private(set) var events: [Event] = []
    /// The index among the items of each of `events`.
    private(set) var indexes: [Int] = []
    /// The number of items so far, good and bad.
    private(set) var count = 0
    private(set) var summary: IngestionSummary

    /// Creates a batch of several events, to be filled by `add`.
    init(_ manner: IngestionManner, _ counters: Rejections) {
        summary = IngestionSummary(listedIDs: .max, counters)
        isSingle = false
        self.manner = manner
    }

    /// Creates a batch of one event.
    ///
    /// - Throws: `422` if it is not valid.
    init(single decoded: EventDecoder.Decoded, _ counters: Rejections) throws(Problem) {
        summary = IngestionSummary(listedIDs: .max, counters)
        isSingle = true
        manner = IngestionManner()
        switch decoded {
        case .event(let event): events = [event]
        case .invalid(let errors):
            counters.note(.unprocessableContent)
            throw Problem(
                .unprocessableContent,
                "The event is not valid: \(IngestionSummary.sentence(errors)).",
                errors: errors.map { (.pointer($0.pointer), $0.detail) })
        }
    }

    mutating func add(_ decoded: EventDecoder.Decoded) {
        switch decoded {
        case .event(let event):
            events.append(event)
            indexes.append(count)
        case .invalid(let errors):
            summary.reject(count, .unprocessableContent, errors)
        }
        count += 1
    }

    /// Counts an item that is not JSON, with the offset in the body of the error.
    mutating func add(_ error: JSONError, at offset: Int) {
        let detail = "the item is not valid JSON: \(error.message) at byte \(offset) of the body"
        summary.reject(count, .badRequest, [FieldError(pointer: "", detail: detail)])
        count += 1
    }

    /// Checks the batch.
    ///
    /// - Throws: `422` if nothing is valid, or if strict, if not everything is.
    func check() throws(Problem) {
        guard count > 0 else { throw Problem(.unprocessableContent, "The array is empty.") }
        guard events.isEmpty || (manner.isStrict && summary.rejected > 0) else { return }
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
        guard summary.stored > 0, !manner.isStrict || summary.rejected == 0 else {
            return summary.problem(
                manner.isStrict
                    ? "Not every item can be stored, and strict=true stores all or nothing"
                    : "None of the items can be stored"
            ).write(to: &response)
        }
        summary.write(to: &response)
    }
}
