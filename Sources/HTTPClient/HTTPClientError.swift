import Glibc
import System

/// The reason a server gave no complete answer. An answer with an error status is not such a
/// reason.
public struct HTTPClientError: Error, CustomStringConvertible, Sendable {
    /// Failures by the reaction they call for.
    public enum Kind: Sendable {
        /// No connection, or a broken one: it may work later.
        case unreachable
        /// The server took longer than the timeout or the deadline: it may work later.
        case timedOut
        /// The server's certificate has no trusted signature or is for another name.
        case untrusted
        /// There is a token, and it would go to another machine in plain text.
        case exposedToken
        /// `Cancellation.cancel` was called.
        case cancelled
        /// Waiting will not help: an unusable file, or an answer that is not HTTP.
        case unusable
    }

    /// The kind of failure.
    public let kind: Kind
    /// The attempt and the reason it failed.
    public let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    static func timedOut(_ action: String) -> HTTPClientError {
        HTTPClientError(.timedOut, "cannot \(action): no answer in time")
    }

    /// Creates the error of a failed system call.
    static func failed(to action: String, code: Int32 = errno) -> HTTPClientError {
        HTTPClientError(.unreachable, SystemError(action, code: code).description)
    }
}
