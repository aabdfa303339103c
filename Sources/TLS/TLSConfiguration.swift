/// The files of a TLS listener, all PEM.
public struct TLSConfiguration: Sendable {
    /// The rule for client certificates.
    public enum ClientAuthentication: String, CaseIterable, Sendable {
        /// A certificate, if shown, must be valid; clients without one are served too.
        case optional
        case required
    }

    /// The certificate, followed by the intermediate ones.
    public var certificatePath: String
    /// The private key of the certificate.
    public var keyPath: String
    /// The authorities that sign clients' certificates; nil if clients show none.
    public var clientAuthorityPath: String?
    /// The rule for client certificates if there are authorities.
    public var clientAuthentication = ClientAuthentication.required

    /// Serves the certificate to any client.
    public init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }

    /// The paths of all files.
    package var paths: [String] {
        [certificatePath, keyPath] + (clientAuthorityPath.map { [$0] } ?? [])
    }
}
