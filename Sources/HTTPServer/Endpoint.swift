/// An address with what is served there.
public struct Endpoint: Sendable {
    /// Where to listen.
    public let address: ListenAddress
    /// Serves TLS with these; nil for plain HTTP.
    public let credentials: TLSCredentials?
    /// Routes of its own; nil for the server's.
    public let router: Router?

    /// Serves at `address`.
    public init(
        _ address: ListenAddress, credentials: TLSCredentials? = nil, router: Router? = nil
    ) {
        self.address = address
        self.credentials = credentials
        self.router = router
    }
}
