/// The configuration of a `Server`.
public struct ServerConfiguration: Sendable {
    /// The addresses to listen on and what is served there.
    public var endpoints: [Endpoint]
    /// The number of event loops, each a thread.
    public var loops: Int
    /// The most connections at a time, not counting endpoints with paths of their own. Beyond it,
    /// the connection that has waited longest for a request is closed. If none waits, the body that
    /// has paused longest between two items is ended. If none pauses, the listeners stop accepting
    /// until a connection closes.
    public var maxConnections = 4096
    /// The same for all endpoints with paths of their own together.
    public var maxLimitedConnections = 128
    /// The bounds on each connection.
    public var limits = HTTPLimits()
    /// Decides who may use the routes that have a requirement; nil admits anyone.
    package var access: (any Gatekeeper)?
    /// The names that requests for those routes may use for the server if there is no access
    /// control; nil for any. Checked only in plain HTTP over TCP: with TLS a browser checks the
    /// name against the certificate, and no browser reaches a socket in the file system.
    public var hosts: HostNames?
    /// A request that takes this long, from its last byte until its answer, is logged.
    public var slowRequest: Duration = .seconds(1)
    /// Called on an event loop, with its index, at the end of every wake-up. It releases what
    /// handlers and tasks keep for each other within one wake-up.
    public var afterTurn: @Sendable (Int) -> Void = { _ in }
    /// Writes the answer to a request that the server itself refuses: status, Content-Type and
    /// body. The text is the path of the request's route, nil if it has none.
    public var renderError: @Sendable (HTTPError, String?, inout Response) -> Void = {
        error, _, response in
        response.status = error.status
        response.contentType = "text/plain; charset=utf-8"
        response.body.append(contentsOf: "\(error.detail)\n".utf8)
    }

    /// Listens at `endpoints` with `loops` threads.
    public init(endpoints: [Endpoint], loops: Int) {
        precondition(loops > 0 && loops <= 256, "between 1 and 256 event loops")
        self.endpoints = endpoints
        self.loops = loops
    }

    /// Listens on `addresses` in plain HTTP with `loops` threads.
    public init(addresses: [ListenAddress], loops: Int) {
        self.init(endpoints: addresses.map { Endpoint($0) }, loops: loops)
    }
}
