/// An address and what is served there.
public struct Endpoint: Sendable {
    /// The address to listen on.
    public let address: ListenAddress
    /// The credentials to serve TLS with; nil for plain HTTP.
    public let credentials: TLSCredentials?
    /// The paths of the server's router that are served here, to anyone; nil for all of them, under
    /// the server's access control.
    public let paths: [String]?

    /// Serves at `address`.
    public init(
        _ address: ListenAddress, credentials: TLSCredentials? = nil, paths: [String]? = nil
    ) {
        self.address = address
        self.credentials = credentials
        self.paths = paths
    }
}
