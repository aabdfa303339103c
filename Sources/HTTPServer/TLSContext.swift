import COpenSSL

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
        guard copenssl_set_minimum_tls12(handle) == 1 else { throw TLSError("set the version") }
        copenssl_set_modes(handle)
        copenssl_offer_http11(handle)
        // RFC 9325, 3.3 and 3.5: no compression, no renegotiation. Resumption is by tickets, which
        // cost no memory here.
        SSL_CTX_set_options(handle, copenssl_options())
        copenssl_forgo_session_cache(handle)
        guard SSL_CTX_use_certificate_chain_file(handle, configuration.certificatePath) == 1 else {
            throw TLSError("use the certificate \(configuration.certificatePath)")
        }
        guard SSL_CTX_use_PrivateKey_file(handle, configuration.keyPath, SSL_FILETYPE_PEM) == 1
        else { throw TLSError("use the key \(configuration.keyPath)") }
        guard SSL_CTX_check_private_key(handle) == 1 else {
            throw TLSError("use the key \(configuration.keyPath) with the certificate")
        }
        if let authorities = configuration.clientAuthorityPath {
            try require(authorities, configuration.clientAuthentication)
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

    deinit { SSL_CTX_free(handle) }
}
