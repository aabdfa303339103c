import System
import TLS

/// What a route asks of a client. Only the gatekeeper knows what it means.
public struct Requirement: RawRepresentable, Hashable, Sendable {
    /// The gatekeeper's number for it.
    public let rawValue: UInt8

    /// From the gatekeeper's number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// What a request was let in by, to be asked for again while it goes on.
package protocol Admission: Sendable {
    /// Who the client is, as a number that no address has: its highest bit is set.
    var client: UInt64 { get }
}

/// A request that is not let in.
package struct Refusal: Error {
    /// What it is answered with.
    package let error: HTTPError
    /// A word for the log and the figures; nil where it says nothing of access.
    package var reason: String?
    /// Whose token or certificate it was.
    package var name: String?

    package init(error: HTTPError, reason: String? = nil, name: String? = nil) {
        self.error = error
        self.reason = reason
        self.name = name
    }
}

/// Decides who may have which requests run: those of routes that have a requirement. Asked on every
/// event loop.
package protocol Gatekeeper: Sendable {
    /// Lets a request in, by its `head` in `bytes`, which came over `session`; nil is no TLS.
    func admit(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, for requirement: Requirement,
        over session: TLSSession?
    ) throws(Refusal) -> any Admission

    /// Looks at `admission` again, for what is allowed may have changed; nil when it is over.
    func renew(_ admission: any Admission, for requirement: Requirement) -> (any Admission)?

    /// Whether `admission` is enough for `requirement`, which is more than the route asks for.
    func allows(_ admission: any Admission, _ requirement: Requirement) -> Bool

    /// What a request is answered with whose admission is over.
    var expiry: HTTPError { get }

    /// Counts and logs `refusal` of a request from `peer`, at the time `now` in nanoseconds.
    func note(
        _ refusal: Refusal, _ method: HTTPMethod?, _ route: Route, from peer: PeerAddress,
        now: UInt64)

    /// How many requests were refused, by their refusals' reasons.
    var refusals: [String: Int] { get }
}
