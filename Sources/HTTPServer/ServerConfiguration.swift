/// What a `Server` is made of.
public struct ServerConfiguration: Sendable {
    /// Where to listen, and what is served there.
    public var endpoints: [Endpoint]
    /// Event loops, each a thread.
    public var loops: Int
    /// Connections at a time, those of endpoints with paths of their own apart. Beyond it the connection that has
    /// waited longest for a request is closed; where none waits, the body ends that has paused longest between two
    /// items; where none pauses, the listeners stop accepting until one closes.
    public var maxConnections = 4096
    /// The same for all endpoints with paths of their own together.
    public var maxLimitedConnections = 128
    /// The bounds on each connection.
    public var limits = HTTPLimits()
    /// Who may have requests run whose routes have a requirement; nil is anybody.
    package var access: (any Gatekeeper)?
    /// Where there is no access control, the names that requests of those routes may call the server by; nil is any.
    /// Asked in plain HTTP over TCP alone: with TLS a browser holds the name against the certificate, and no browser
    /// reaches a socket in the file system.
    public var hosts: HostNames?
    /// A request that takes as long, from when it has come whole until its answer, is logged.
    public var slowRequest: Duration = .seconds(1)
    /// Called on an event loop, by its number, at the end of every wake-up: what its handlers and
    /// tasks keep for each other within one is let go of here.
    public var afterTurn: @Sendable (Int) -> Void = { _ in }
    /// Writes the answer to a request that the server itself refuses: status, Content-Type and
    /// body.
    public var renderError: @Sendable (HTTPError, inout Response) -> Void = { error, response in
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
