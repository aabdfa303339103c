import COpenSSL

/// A call to OpenSSL that failed, in its own words.
public struct TLSError: Error, CustomStringConvertible, Sendable {
    /// What was tried, and why it failed.
    public let description: String

    /// Takes the reason from OpenSSL's queue of errors, and empties it.
    init(_ action: String) {
        let code = ERR_peek_last_error()
        let reason = code == 0 ? nil : ERR_reason_error_string(code).map { String(cString: $0) }
        ERR_clear_error()
        description = "cannot \(action): \(reason ?? "OpenSSL does not say why")"
    }
}
