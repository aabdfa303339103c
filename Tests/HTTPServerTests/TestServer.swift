import Access
import Logging
import TestSupport
import Testing

@testable import HTTPServer

/// A server on its own port, with a few routes that report what the server understood.
final class TestServer: Sendable {
    let server: Server
    let port: UInt16
    /// The credentials; nil for plain HTTP.
    let credentials: TLSCredentials?

    /// Starts one. `routes` are added to the usual ones; with `isSecure` it uses TLS.
    init(
        loops: Int = 2, routes: [Route] = [], limits: HTTPLimits = HTTPLimits(),
        maxConnections: Int = 4096, isSecure: Bool = false, access: AccessControl? = nil,
        hosts: HostNames? = nil, further: [Endpoint] = []
    ) throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        credentials =
            isSecure ? try TLSCredentials(TestCertificate.configuration, logger: logger) : nil
        let address = ListenAddress.tcp(host: "127.0.0.1", port: 0)
        var configuration = ServerConfiguration(
            endpoints: [Endpoint(address, credentials: credentials)] + further, loops: loops)
        configuration.limits = limits
        configuration.access = access
        configuration.hosts = hosts
        configuration.maxConnections = maxConnections
        server = Server(configuration, router: Router(Self.routes + routes), logger: logger)
        try server.start()
        port = server.addresses[0].port!
    }

    /// Runs `body` with a server, then stops the server.
    static func run<Result>(
        loops: Int = 2, routes: [Route] = [], limits: HTTPLimits = HTTPLimits(),
        maxConnections: Int = 4096, isSecure: Bool = false, access: AccessControl? = nil,
        hosts: HostNames? = nil, further: [Endpoint] = [],
        _ body: (TestServer) throws -> Result
    ) throws -> Result {
        let server = try TestServer(
            loops: loops, routes: routes, limits: limits, maxConnections: maxConnections,
            isSecure: isSecure, access: access, hosts: hosts, further: further)
        defer { server.server.stop(timeout: .zero) }
        return try body(server)
    }

    func connect(over layer: Layer = .plain, isNarrow: Bool = false) throws -> Client {
        let client = try Client(port: port, isNarrow: isNarrow)
        if layer.isSecure { try client.startTLS(TLSClient(layer)) }
        return client
    }

    func awaitConnections(_ count: Int) throws {
        try eventually("\(count) connections") { server.connectionCount == count }
    }

    static let routes = [
        route(.get, "/") { _, response in response.body = Array("root".utf8) },
        route(.post, "/", bodyLimit: 1 << 20) { _, response in response.body = Array("root".utf8) },
        route(.get, "/echo", echo),
        route(.post, "/echo", bodyLimit: 1 << 20, echo),
        route(.post, "/small", bodyLimit: 1000, echo),
        route(.get, "/empty") { _, response in
            response.status = .noContent
            response.contentType = nil
        },
        route(.get, "/items/{id}") { request, response in
            response.contentType = "text/plain"
            response.body = request.parameter
        },
    ]

    static func route(
        _ method: HTTPMethod, _ path: String, takesRest: Bool = false, scope: Scopes? = nil,
        bodyLimit: Int = 0,
        takesPieces: (@Sendable (Request) -> Bool)? = nil, _ handler: @escaping Route.Handler
    ) -> Route {
        Route(
            method, path, takesRest: takesRest, summary: "for tests", statuses: [.ok],
            requirement: scope.map { Requirement($0) }, bodyLimit: bodyLimit,
            takesPieces: takesPieces, handler: handler)
    }

    /// Reports the request as understood: method and target, field lines, an empty line, the body.
    private static let echo: Route.Handler = { request, response in
        response.contentType = "message/http"
        var text = "\(request.method.rawValue) \(String(decoding: request.path, as: UTF8.self))"
        if let query = request.query { text += "?\(String(decoding: query, as: UTF8.self))" }
        for (name, value) in request.headers { text += "\n\(name.lowercased()): \(value)" }
        response.body = Array("\(text)\n\n".utf8) + Array(request.body)
    }
}

/// The parsed answer of `/echo`.
struct Echo {
    let requestLine: String
    let fields: [String]
    let body: [UInt8]

    /// Parses `answer`; nil if it is not an echo.
    init?(_ answer: Answer) {
        guard answer.field("content-type") == "message/http" else { return nil }
        let head = answer.body.split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
        )
        .prefix { !$0.isEmpty }
        requestLine = String(decoding: head[0], as: UTF8.self)
        fields = head.dropFirst().map { String(decoding: $0, as: UTF8.self) }
        body = Array(answer.body.dropFirst(head.reduce(1) { $0 + $1.count + 1 }))
    }
}
