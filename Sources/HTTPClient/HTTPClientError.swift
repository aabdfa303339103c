import Glibc
import System

/// Why a server gave no whole answer. An answer that says no, by its status, is none of these.
public struct HTTPClientError: Error, CustomStringConvertible, Sendable {
    /// What went wrong, for those who act on it.
    public enum Kind: Sendable {
        /// No connection, or it broke: it may work later.
        case unreachable
        /// The server took longer than the timeout or the deadline: it may work later.
        case timedOut
        /// The server's certificate is signed by nobody who is trusted, or is not for its name.
        case untrusted
        /// There is a token, and it would go in plain text to another machine.
        case exposedToken
        /// `Cancellation.cancel` was called.
        case cancelled
        /// It will not work by waiting: a file that cannot be used, no HTTP.
        case unusable
    }

    /// What went wrong, for those who act on it.
    public let kind: Kind
    /// What was tried, and why it failed.
    public let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    static func timedOut(_ action: String) -> HTTPClientError {
        HTTPClientError(.timedOut, "cannot \(action): no answer in time")
    }

    /// A system call that failed.
    static func failed(to action: String, code: Int32 = errno) -> HTTPClientError {
        HTTPClientError(.unreachable, SystemError(action, code: code).description)
    }
}
