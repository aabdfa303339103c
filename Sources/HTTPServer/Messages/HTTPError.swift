/// A refused request: the status, and a sentence that says what was found and what would be right.
public struct HTTPError: Error, Equatable, Sendable {
    /// The status of the answer.
    public let status: HTTPStatus
    /// The explanation for people.
    public let detail: String
    /// RFC 9110, 11.6.1: "A server generating a 401 (Unauthorized) response MUST send a
    /// WWW-Authenticate header field".
    package var challenge: [UInt8]?

    /// Creates the refusal.
    public init(_ status: HTTPStatus, _ detail: String) {
        self.status = status
        self.detail = detail
    }
}
