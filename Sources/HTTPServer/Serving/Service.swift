/// The service at an endpoint: its routes, and who may use them.
final class Service: Sendable {
    let router: Router
    /// The pool that its connections belong to.
    let pool: ConnectionPool
    /// The credentials for TLS; nil for plain HTTP.
    let credentials: TLSCredentials?
    /// The gatekeeper; nil if anybody may send any request.
    let access: (any Gatekeeper)?
    /// The names that requests may use for the server; nil for any.
    let hosts: HostNames?

    init(
        _ endpoint: Endpoint, _ configuration: ServerConfiguration, _ router: Router,
        _ pool: ConnectionPool
    ) {
        self.router = endpoint.paths.map(router.limited) ?? router
        self.pool = pool
        credentials = endpoint.credentials
        let servesAll = endpoint.paths == nil
        let isPlainTCP = endpoint.credentials == nil && endpoint.address.port != nil
        access = servesAll ? configuration.access : nil
        hosts = servesAll && isPlainTCP && configuration.access == nil ? configuration.hosts : nil
    }
}
