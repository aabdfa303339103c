import EventStore
import Events
import HTTPServer
import JSON

/// The outcomes so far of the items of an array or a stream. Its size is bounded, whatever the
/// number of items.
struct IngestionSummary: Sendable {
    /// A rejected item.
    private struct Rejection {
        let index: Int
        let status: HTTPStatus
        let errors: [FieldError]
    }

    private(set) var accepted = 0
    private(set) var duplicates = 0
    private(set) var rejected = 0
    /// The accepted events that are past their age and will soon be removed; nil if that is not
    /// reported.
    var expired: Int?
    /// The first rejections.
    private var rejections: [Rejection] = []
    /// The ids of stored events, as the inside of a JSON array.
    private var ids: [UInt8] = []
    private let listedIDs: Int
    private let counters: Rejections

    /// The most errors that a summary lists; the others are counted.
    private static let listedErrors = 100
    private static let taken = FieldError(
        pointer: "/id", detail: "is taken by an event with other content")

    /// Creates an empty summary.
    ///
    /// - Parameters:
    ///   - listedIDs: the most ids of stored events that it lists.
    ///   - counters: the counters for rejected events.
    init(listedIDs: Int, _ counters: Rejections) {
        self.listedIDs = listedIDs
        self.counters = counters
    }

    /// The items whose event is now in the store.
    var stored: Int { accepted + duplicates }

    /// Counts the item at `index` as rejected.
    mutating func reject(_ index: Int, _ status: HTTPStatus, _ errors: [FieldError]) {
        rejected += 1
        counters.note(status)
        guard rejections.count < Self.listedErrors else { return }
        rejections.append(Rejection(index: index, status: status, errors: errors))
    }

    /// Counts `events`, which were at `indexes`, by their outcomes.
    mutating func add(_ outcomes: [AppendOutcome], of events: [Event], at indexes: [Int]) {
        for (place, outcome) in outcomes.enumerated() {
            switch outcome {
            case .stored: accepted += 1
            case .duplicate: duplicates += 1
            case .conflict:
                reject(indexes[place], .conflict, [Self.taken])
                continue
            }
            guard stored <= listedIDs else { continue }
            if !ids.isEmpty { ids.append(",") }
            events[place].withView { ids.appendJSONString($0[.id]!) }
        }
    }

    // MARK: Answers

    func write(to response: inout Response) {
        response.addHeader("Cache-Control", "no-store")
        append(to: &response.body)
        response.body.append("\n")
    }

    /// Appends the summary as a JSON object.
    func append(to body: inout [UInt8]) {
        body.append("{\"accepted\":")
        body.appendInteger(accepted)
        body.append(",\"duplicates\":")
        body.appendInteger(duplicates)
        body.append(",\"rejected\":")
        body.appendInteger(rejected)
        if let expired {
            body.append(",\"expired\":")
            body.appendInteger(expired)
        }
        body.append(",\"errors\":[")
        for (place, rejection) in inOrder.enumerated() {
            body.append(place == 0 ? "{\"index\":" : ",{\"index\":")
            body.appendInteger(rejection.index)
            body.append(",\"status\":")
            body.appendInteger(rejection.status.code)
            body.append(",\"detail\":")
            body.appendJSONString(rejection.errors.sentence)
            body.append("}")
        }
        body.append("],\"ids\":[")
        body.append(contentsOf: ids)
        body.append("]}")
    }

    /// A `422` for items none of which is stored. Its detail begins with `finding`.
    func problem(_ finding: String) -> Problem {
        let errors = inOrder.flatMap { rejection in
            rejection.errors.map { error in
                (Problem.Location.pointer("/\(rejection.index)\(error.pointer)"), error.detail)
            }
        }
        let first = inOrder[0]
        return Problem(
            .unprocessableContent,
            "\(finding). Item \(first.index): \(first.errors.sentence).",
            errors: Array(errors.prefix(Self.listedErrors)))
    }

    /// Conflicts are found later than errors but sorted among them.
    private var inOrder: [Rejection] { rejections.sorted { $0.index < $1.index } }
}
