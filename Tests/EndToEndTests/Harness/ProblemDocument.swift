/// An error in the format of RFC 9457.
struct ProblemDocument: Decodable, Sendable {
    struct Entry: Decodable, Sendable {
        let pointer: String?
        let parameter: String?
        let detail: String
    }

    let type: String
    let title: String
    let status: Int
    let detail: String
    let errors: [Entry]?
    /// The summary of a stream of lines that was cut.
    let summary: BatchSummary?

    /// The pointers to errors in the body, in order.
    var pointers: [String] { (errors ?? []).compactMap(\.pointer) }

    /// The wrong query parameters.
    var parameters: [String] { (errors ?? []).compactMap(\.parameter) }
}
