import COpenSSL
import System

/// A call to OpenSSL that failed, in its own words.
public struct TLSError: Error, CustomStringConvertible, Sendable {
    /// What was tried, and why it failed.
    public let description: String

    /// Takes the reason from OpenSSL's queue of errors, and empties it.
    package init(_ action: String) {
        self.init(action, reason: Self.takeReason() ?? Self.noReason)
    }

    /// What stands in the place of a reason that there is not.
    package static let noReason = "OpenSSL does not say why"

    /// With a reason that OpenSSL does not give.
    package init(_ action: String, reason: String) {
        description = "cannot \(action): \(reason)"
    }

    /// The first error of this thread's queue, the cause of those after it; the queue is emptied.
    /// nil when there is none.
    static func takeReason() -> String? {
        let error = ERR_peek_error()
        ERR_clear_error()
        let code = copenssl_errno(error)
        if code != 0 { return SystemError.text(of: code) }
        return ERR_reason_error_string(error).map { String(cString: $0) }
    }
}
