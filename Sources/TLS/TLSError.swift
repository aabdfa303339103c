import COpenSSL
import System

/// A failed call to OpenSSL, in its own words.
public struct TLSError: Error, CustomStringConvertible, Sendable {
    /// The attempt and the reason it failed.
    public let description: String

    /// Takes the reason from OpenSSL's error queue and empties it.
    package init(_ action: String) {
        self.init(action, reason: Self.takeReason() ?? Self.noReason)
    }

    /// The text used when there is no reason.
    package static let noReason = "OpenSSL does not say why"

    /// Creates an error with a reason that OpenSSL does not give.
    package init(_ action: String, reason: String) {
        description = "cannot \(action): \(reason)"
    }

    /// The first error of this thread's queue, the cause of those after it; nil if there is none.
    /// Empties the queue.
    static func takeReason() -> String? {
        let error = ERR_peek_error()
        ERR_clear_error()
        let code = copenssl_errno(error)
        if code != 0 { return SystemError.text(of: code) }
        return ERR_reason_error_string(error).map { String(cString: $0) }
    }
}
