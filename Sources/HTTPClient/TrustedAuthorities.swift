import COpenSSL
import System

/// The rules by which a client trusts a server: an `SSL_CTX` of authorities, and a certificate of
/// the client's own. Used by one thread.
public final class TrustedAuthorities {
    let handle: OpaquePointer

    /// - Parameters:
    ///   - authorities: a PEM file; nil means those of the system.
    ///   - certificate: the client's own, with its key, both PEM files.
    /// - Throws: `unusable` when a file cannot be used.
    public init(
        authorities: String?, certificate: String? = nil, key: String? = nil
    ) throws(HTTPClientError) {
        guard let handle = SSL_CTX_new(TLS_client_method()) else {
            throw Self.failed("make a TLS context")
        }
        self.handle = handle
        guard copenssl_set_algorithms(handle) == 1 else { throw Self.failed("set the algorithms") }
        SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        let isTrusting =
            authorities.map { SSL_CTX_load_verify_file(handle, $0) }
            ?? SSL_CTX_set_default_verify_paths(handle)
        guard isTrusting == 1 else {
            throw Self.failed("use the authorities \(authorities ?? "of the system")")
        }
        guard let certificate, let key else { return }
        guard SSL_CTX_use_certificate_chain_file(handle, certificate) == 1 else {
            throw Self.failed("use the certificate \(certificate)")
        }
        var isEncrypted: Int32 = 0
        // It checks as well that the key is the certificate's.
        guard copenssl_use_key(handle, key, &isEncrypted) == 1 else {
            guard isEncrypted == 0 else {
                throw HTTPClientError(
                    .unusable, "cannot use the key \(key): it is encrypted with a passphrase")
            }
            throw Self.failed("use the key \(key)")
        }
    }

    deinit { SSL_CTX_free(handle) }

    private static func failed(_ action: String) -> HTTPClientError {
        HTTPClientError(.unusable, "cannot \(action): \(reason())")
    }

    /// The first error of this thread's queue, which is emptied.
    static func reason() -> String {
        let error = ERR_peek_error()
        ERR_clear_error()
        let code = copenssl_errno(error)
        if code != 0 { return SystemError.text(of: code) }
        return ERR_reason_error_string(error).map { String(cString: $0) }
            ?? "OpenSSL does not say why"
    }
}
