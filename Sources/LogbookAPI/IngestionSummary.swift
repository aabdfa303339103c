import EventStore
import Events
import HTTPServer
import JSON

/// What became of the items of an array or of a stream so far. Its size has a bound, whatever the
/// number of items.
struct IngestionSummary: Sendable {
    /// An item that is not stored.
    private struct Rejection {
        let index: Int
        let status: HTTPStatus
        let errors: [FieldError]
    }

    private(set) var accepted = 0
    private(set) var duplicates = 0
    private(set) var rejected = 0
    /// Of those accepted, how many are past their age, and go soon; nil where that is not told.
    var expired: Int?
    /// The first ones.
    private var rejections: [Rejection] = []
    /// Of what is stored, as the inside of a JSON array.
    private var ids: [UInt8] = []
    private let listedIDs: Int
    private let counters: Rejections

    /// Errors that a summary lists; it counts the others.
    private static let listedErrors = 100
    private static let taken = FieldError(
        pointer: "/id", detail: "is taken by an event with other content")

    /// - Parameters:
    ///   - listedIDs: how many ids of stored events it lists.
    ///   - counters: where what is rejected is counted, too.
    init(listedIDs: Int, _ counters: Rejections) {
        self.listedIDs = listedIDs
        self.counters = counters
    }

    /// Items of which an event is in the store now.
    var stored: Int { accepted + duplicates }

    /// Counts the item at `index` as one that is not stored.
    mutating func reject(_ index: Int, _ status: HTTPStatus, _ errors: [FieldError]) {
        rejected += 1
        counters.note(status)
        guard rejections.count < Self.listedErrors else { return }
        rejections.append(Rejection(index: index, status: status, errors: errors))
    }

    /// Counts `events`, which stood at `indexes`, by what became of each.
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

    /// Appends it as a JSON object.
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
            body.appendJSONString(Self.sentence(rejection.errors))
            body.append("}")
        }
        body.append("],\"ids\":[")
        body.append(contentsOf: ids)
        body.append("]}")
    }

    /// A `422` for items none of which is stored; `finding` begins its detail.
    func problem(_ finding: String) -> Problem {
        let errors = inOrder.flatMap { rejection in
            rejection.errors.map { error in
                (Problem.Place.pointer("/\(rejection.index)\(error.pointer)"), error.detail)
            }
        }
        let first = inOrder[0]
        return Problem(
            .unprocessableContent,
            "\(finding). Item \(first.index): \(Self.sentence(first.errors)).",
            errors: Array(errors.prefix(Self.listedErrors)))
    }

    /// Conflicts are found later than errors, and stand among them all the same.
    private var inOrder: [Rejection] { rejections.sorted { $0.index < $1.index } }

    static func sentence(_ errors: [FieldError]) -> String {
        errors.map { $0.pointer.isEmpty ? $0.detail : "\($0.pointer.dropFirst()) \($0.detail)" }
            .joined(separator: "; ")
    }
}
