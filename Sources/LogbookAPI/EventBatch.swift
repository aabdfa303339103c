import EventStore
import Events
import HTTPServer
import JSON

/// What one request wants stored: a single event, or an array with its good and bad items told
/// apart.
struct EventBatch: Sendable {
    /// An item that is not stored.
    private struct Rejection {
        let index: Int
        let status: HTTPStatus
        let errors: [FieldError]
    }

    let isSingle: Bool
    let isStrict: Bool
    private(set) var events: [Event] = []
    /// Items so far, good and bad.
    private(set) var count = 0
    /// For each of `events`, its place in the array.
    private var indexes: [Int] = []
    private var rejections: [Rejection] = []
    private var rejectedCount = 0

    /// Errors that a summary lists; it counts the others.
    private static let listedErrors = 100

    /// An array, to be filled by `add`.
    init(isStrict: Bool) {
        isSingle = false
        self.isStrict = isStrict
    }

    /// One event.
    ///
    /// - Throws: `422` when it is not valid.
    init(single decoded: EventDecoder.Decoded) throws(Problem) {
        isSingle = true
        isStrict = false
        switch decoded {
        case .event(let event): events = [event]
        case .invalid(let errors):
            throw Problem(
                .unprocessableContent, "The event is not valid: \(Self.sentence(errors)).",
                errors: errors.map { (.pointer($0.pointer), $0.detail) })
        }
    }

    mutating func add(_ decoded: EventDecoder.Decoded) {
        switch decoded {
        case .event(let event):
            events.append(event)
            indexes.append(count)
        case .invalid(let errors):
            reject(Rejection(index: count, status: .unprocessableContent, errors: errors))
        }
        count += 1
    }

    private mutating func reject(_ rejection: Rejection) {
        rejectedCount += 1
        if rejections.count < Self.listedErrors { rejections.append(rejection) }
    }

    /// - Throws: `422` when nothing is usable, or, if strict, not everything.
    func check() throws(Problem) {
        guard count > 0 else { throw Problem(.unprocessableContent, "The array is empty.") }
        guard events.isEmpty || (isStrict && rejectedCount > 0) else { return }
        throw problem(
            events.isEmpty
                ? "The array holds no valid event"
                : "Not every item is a valid event, and strict=true stores all or nothing"
        )
    }

    private func problem(_ finding: String) -> Problem {
        let errors = rejections.flatMap { rejection in
            rejection.errors.map { error in
                (Problem.Place.pointer("/\(rejection.index)\(error.pointer)"), error.detail)
            }
        }
        let first = rejections[0]
        return Problem(
            .unprocessableContent,
            "\(finding). Item \(first.index): \(Self.sentence(first.errors)).",
            errors: Array(errors.prefix(Self.listedErrors)))
    }

    private static func sentence(_ errors: [FieldError]) -> String {
        errors.map { $0.pointer.isEmpty ? $0.detail : "\($0.pointer.dropFirst()) \($0.detail)" }
            .joined(separator: "; ")
    }

    // MARK: The answer to an array

    private static let taken = FieldError(
        pointer: "/id", detail: "is taken by an event with other content")

    /// Writes the summary of an array whose valid events had these outcomes.
    func writeSummary(_ outcomes: [AppendOutcome], to response: inout Response) {
        var summary = self
        var accepted = 0
        var duplicates = 0
        var ids: [UInt8] = []
        for (place, outcome) in outcomes.enumerated() {
            switch outcome {
            case .stored: accepted += 1
            case .duplicate: duplicates += 1
            case .conflict:
                summary.reject(
                    Rejection(index: indexes[place], status: .conflict, errors: [Self.taken]))
                continue
            }
            if !ids.isEmpty { ids.append(",") }
            events[place].withView { ids.appendJSONString($0[.id]!) }
        }
        summary.rejections.sort { $0.index < $1.index }
        guard accepted + duplicates > 0, !isStrict || summary.rejectedCount == 0 else {
            return summary.problem(
                isStrict
                    ? "Not every item can be stored, and strict=true stores all or nothing"
                    : "No item of the array can be stored"
            ).write(to: &response)
        }
        response.addHeader("Cache-Control", "no-store")
        response.body.append("{\"accepted\":")
        response.body.appendInteger(accepted)
        response.body.append(",\"duplicates\":")
        response.body.appendInteger(duplicates)
        response.body.append(",\"rejected\":")
        response.body.appendInteger(summary.rejectedCount)
        response.body.append(",\"errors\":[")
        summary.writeRejections(to: &response.body)
        response.body.append("],\"ids\":[")
        response.body.append(contentsOf: ids)
        response.body.append("]}\n")
    }

    private func writeRejections(to body: inout [UInt8]) {
        for (place, rejection) in rejections.enumerated() {
            body.append(place == 0 ? "{\"index\":" : ",{\"index\":")
            body.appendInteger(rejection.index)
            body.append(",\"status\":")
            body.appendInteger(rejection.status.code)
            body.append(",\"detail\":")
            body.appendJSONString(Self.sentence(rejection.errors))
            body.append("}")
        }
    }
}
