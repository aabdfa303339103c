import COpenSSL
import Glibc

/// An `SSL_CTX`: certificate, key and rules, checked. Immutable; a reload makes another one.
///
/// `@unchecked Sendable`: OpenSSL lets threads share a context that is only used to make sessions
/// (openssl-threads(7)).
public final class TLSContext: @unchecked Sendable {
    let handle: OpaquePointer

    /// Creates the rules of a server.
    package init(_ configuration: TLSConfiguration) throws(TLSError) {
        handle = try Self.make(TLS_server_method())
        copenssl_set_modes(handle)
        copenssl_offer_http11(handle)
        copenssl_count_records(handle)
        // Sessions resume by ticket, which costs no memory here.
        SSL_CTX_set_options(handle, copenssl_options())
        copenssl_forgo_session_cache(handle)
        try use(certificate: configuration.certificatePath, key: configuration.keyPath)
        if let authorities = configuration.clientAuthorityPath {
            try require(authorities, configuration.clientAuthentication)
        }
    }

    /// Creates the rules of a client, which trusts no server without a valid certificate.
    ///
    /// - Parameters:
    ///   - authorities: a PEM file with the authorities that may sign the server's certificate; nil
    ///     for the system's.
    ///   - certificate: the client's own, PEM, with its `key`; nil for none.
    /// - Throws: if a file cannot be used.
    public init(
        authorities: String?, certificate: String? = nil, key: String? = nil
    ) throws(TLSError) {
        handle = try Self.make(TLS_client_method())
        SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        let isTrusting =
            authorities.map { SSL_CTX_load_verify_file(handle, $0) }
            ?? SSL_CTX_set_default_verify_paths(handle)
        guard isTrusting == 1 else {
            throw TLSError("use the authorities \(authorities ?? "of the system")")
        }
        if let certificate, let key { try use(certificate: certificate, key: key) }
    }

    private static func make(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let handle = SSL_CTX_new(method) else { throw TLSError("make a TLS context") }
        guard copenssl_set_algorithms(handle) == 1 else {
            let error = TLSError("set the algorithms")
            SSL_CTX_free(handle)
            throw error
        }
        return handle
    }

    private func use(certificate: String, key path: String) throws(TLSError) {
        guard SSL_CTX_use_certificate_chain_file(handle, certificate) == 1 else {
            throw TLSError("use the certificate \(certificate)")
        }
        var isEncrypted: Int32 = 0
        // It also checks that the key belongs to the certificate.
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

    /// The reason clients would refuse the certificate now; nil while it is valid.
    package var expiry: String? {
        guard let certificate = SSL_CTX_get0_certificate(handle) else { return nil }
        // X509_cmp_current_time(3): -1 if the time is now or earlier.
        if X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 { return "it has expired" }
        if X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 {
            return "it is not valid yet"
        }
        return nil
    }

    /// The end of the certificate's validity, in seconds since 1970.
    package var notAfter: Int64? {
        var time = tm()
        guard let certificate = SSL_CTX_get0_certificate(handle),
            ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1
        else { return nil }
        return Int64(timegm(&time))
    }

    deinit { SSL_CTX_free(handle) }
}
