/// An error as RFC 9457 has it.
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
    /// Of a stream of lines that was cut.
    let summary: BatchSummary?

    /// The places in the body that are wrong, in order.
    var pointers: [String] { (errors ?? []).compactMap(\.pointer) }

    /// The query parameters that are wrong.
    var parameters: [String] { (errors ?? []).compactMap(\.parameter) }
}
