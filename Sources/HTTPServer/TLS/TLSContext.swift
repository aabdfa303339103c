import COpenSSL
import Glibc

/// An `SSL_CTX`: certificate, key and rules, checked. It does not change; a reload makes another.
///
/// `@unchecked Sendable`: OpenSSL lets threads share a context that is only used to make sessions
/// (openssl-threads(7)).
final class TLSContext: @unchecked Sendable {
    let handle: OpaquePointer

    init(_ configuration: TLSConfiguration) throws(TLSError) {
        ERR_clear_error()
        guard let handle = SSL_CTX_new(TLS_server_method()) else {
            throw TLSError("make a TLS context")
        }
        self.handle = handle
        guard copenssl_set_algorithms(handle) == 1 else { throw TLSError("set the algorithms") }
        copenssl_set_modes(handle)
        copenssl_offer_http11(handle)
        copenssl_count_records(handle)
        // Resumption is by tickets, which cost no memory here.
        SSL_CTX_set_options(handle, copenssl_options())
        copenssl_forgo_session_cache(handle)
        guard SSL_CTX_use_certificate_chain_file(handle, configuration.certificatePath) == 1 else {
            throw TLSError("use the certificate \(configuration.certificatePath)")
        }
        try use(key: configuration.keyPath)
        if let authorities = configuration.clientAuthorityPath {
            try require(authorities, configuration.clientAuthentication)
        }
    }

    private func use(key path: String) throws(TLSError) {
        var isEncrypted: Int32 = 0
        // It checks as well that the key is the certificate's.
        guard copenssl_use_key(handle, path, &isEncrypted) == 1 else {
            let error = TLSError("use the key \(path)")
            guard isEncrypted == 0 else {
                throw TLSError(
                    "use the key \(path)",
                    reason: "it is encrypted, and there is nobody to ask for the passphrase")
            }
            throw error
        }
    }

    private func require(
        _ authorities: String, _ authentication: TLSConfiguration.ClientAuthentication
    ) throws(TLSError) {
        guard SSL_CTX_load_verify_file(handle, authorities) == 1,
            let names = SSL_load_client_CA_file(authorities)
        else { throw TLSError("use the client authorities \(authorities)") }
        SSL_CTX_set_client_CA_list(handle, names)
        let optional = SSL_VERIFY_PEER
        let mode =
            authentication == .required ? optional | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : optional
        SSL_CTX_set_verify(handle, mode, nil)
        // A resumed session keeps its client's identity only within this context:
        // SSL_CTX_set_session_id_context(3).
        guard SSL_CTX_set_session_id_context(handle, "logbook", 7) == 1 else {
            throw TLSError("name the session context")
        }
    }

    /// Why clients would refuse the certificate now; nil when its time has come and is not over.
    var expiry: String? {
        guard let certificate = SSL_CTX_get0_certificate(handle) else { return nil }
        // X509_cmp_current_time(3): -1 when the time is earlier than now, or now.
        if X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 { return "it has expired" }
        if X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 {
            return "it is not valid yet"
        }
        return nil
    }

    /// When the certificate's time is over, in seconds since 1970.
    var notAfter: Int64? {
        var time = tm()
        guard let certificate = SSL_CTX_get0_certificate(handle),
            ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1
        else { return nil }
        return Int64(timegm(&time))
    }

    deinit { SSL_CTX_free(handle) }
}
