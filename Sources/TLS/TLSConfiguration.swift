/// The files that a TLS listener works with, all PEM.
public struct TLSConfiguration: Sendable {
    /// Whether clients show a certificate.
    public enum ClientAuthentication: String, CaseIterable, Sendable {
        /// Who shows one must show a valid one; who shows none is served as well.
        case optional
        case required
    }

    /// The certificate, followed by the intermediate ones.
    public var certificatePath: String
    /// Its private key.
    public var keyPath: String
    /// The authorities that sign clients' certificates; nil when clients show none.
    public var clientAuthorityPath: String?
    /// What a client without a certificate gets, where there are authorities.
    public var clientAuthentication = ClientAuthentication.required

    /// Serves the certificate to anybody.
    public init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }

    /// All files that it names.
    package var paths: [String] {
        [certificatePath, keyPath] + (clientAuthorityPath.map { [$0] } ?? [])
    }
}
