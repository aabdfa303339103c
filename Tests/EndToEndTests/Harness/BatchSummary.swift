/// The summary of an array of events.
struct BatchSummary: Decodable, Sendable {
    struct Rejection: Decodable, Equatable, Sendable {
        let index: Int
        let status: Int
        let detail: String
    }

    let accepted: Int
    let duplicates: Int
    let rejected: Int
    let errors: [Rejection]
    let ids: [String]
}
