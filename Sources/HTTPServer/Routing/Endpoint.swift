/// An address with what is served there.
public struct Endpoint: Sendable {
    /// Where to listen.
    public let address: ListenAddress
    /// Serves TLS with these; nil for plain HTTP.
    public let credentials: TLSCredentials?
    /// The paths of the server's router that it serves, to anybody; nil for all of them, under the server's access
    /// control.
    public let paths: [String]?
    /// Of those paths; the server sets it.
    var router: Router?
    /// What its requests may call the server; nil is anything. The server sets it.
    var hosts: HostNames?

    /// Serves at `address`.
    public init(
        _ address: ListenAddress, credentials: TLSCredentials? = nil, paths: [String]? = nil
    ) {
        self.address = address
        self.credentials = credentials
        self.paths = paths
    }
}
