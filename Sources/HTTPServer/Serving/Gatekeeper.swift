package import System
package import TLS

/// A permission that a route demands of a client. Only the gatekeeper knows its meaning.
public struct Requirement: RawRepresentable, Hashable, Sendable {
    /// The gatekeeper's number for the permission.
    public let rawValue: UInt32

    /// Creates a requirement from the gatekeeper's number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// The grounds on which a request was let in. They are checked again while the request runs.
package protocol Admission: Sendable {
    /// The client's identity as a number that no address has: its highest bit is set.
    var client: UInt64 { get }
}

/// A refusal to let a request in.
package struct Refusal: Error {
    /// The answer to the request.
    package let error: HTTPError
    /// A word for the log and the metrics; nil if the refusal is not about access.
    package var reason: String?
    /// The owner of the token or certificate.
    package var name: String?

    package init(error: HTTPError, reason: String? = nil, name: String? = nil) {
        self.error = error
        self.reason = reason
        self.name = name
    }
}

/// Decides which clients may use the routes that have a requirement. Called on every event loop.
package protocol Gatekeeper: Sendable {
    /// Lets a request in by its `head` in `bytes`, which came over `session`; nil means no TLS.
    func admit(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, for requirement: Requirement,
        over session: TLSSession?
    ) throws(Refusal) -> any Admission

    /// Checks what `admission` says of the body, which may be signed. Called once the body of a
    /// request is whole, with its bytes as they were sent; with none if the handler takes it piece
    /// by piece.
    func check(_ admission: any Admission, body: UnsafeRawBufferPointer) throws(Refusal)

    /// Checks `admission` again, because permissions may have changed; nil if it has ended.
    func renew(_ admission: any Admission, for requirement: Requirement) -> (any Admission)?

    /// True if `admission` also satisfies `requirement`, which is more than the route demands.
    func allows(_ admission: any Admission, _ requirement: Requirement) -> Bool

    /// The answer to a request whose admission has ended.
    var expiry: HTTPError { get }

    /// Counts and logs `refusal` of a request from `peer` to the route `path`; `now` is in
    /// nanoseconds.
    func note(
        _ refusal: Refusal, _ method: HTTPMethod?, path: String, from peer: PeerAddress,
        now: UInt64)

    /// The number of refused requests by the reason of the refusal.
    var refusals: [String: Int] { get }
}
