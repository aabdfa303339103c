import HTTPClient
import HTTPServer
import Logging
import TLS
import TestSupport

/// A server in this process, with a few routes.
struct TestServer {
    let clientAddress: ServerAddress

    /// Runs `body` with a server, then stops the server.
    static func run<Result>(
        _ address: ListenAddress = .tcp(host: "127.0.0.1", port: 0), routes: [Route] = [],
        isSecure: Bool = false, _ body: (TestServer) throws -> Result
    ) throws -> Result {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let credentials =
            isSecure ? try TLSCredentials(TestCertificate.configuration, logger: logger) : nil
        let server = Server(
            ServerConfiguration(
                endpoints: [Endpoint(address, credentials: credentials)], loops: 1),
            router: Router(usual + routes), logger: logger)
        try server.start()
        defer { server.stop(timeout: .zero) }
        let text = server.addresses[0].description
        // Its certificate is for localhost.
        let url = isSecure ? "https://localhost:\(server.addresses[0].port!)" : "http://\(text)"
        return try body(
            TestServer(clientAddress: ServerAddress(text) ?? ServerAddress(url)!))
    }

    func client(
        _ context: TLSContext? = nil,
        token: @escaping HTTPClient.Token = { () throws(HTTPClientError) in nil },
        timeout: Duration = .seconds(20), cancellation: Cancellation? = nil
    ) -> HTTPClient {
        HTTPClient(
            clientAddress, userAgent: "test", context: context, token: token, timeout: timeout,
            cancellation: cancellation)
    }

    static func route(_ path: String, _ handler: @escaping Route.Handler) -> Route {
        Route(.get, path, summary: "for tests", statuses: [.ok], handler: handler)
    }

    private static let usual = [
        route("/") { _, response in response.body = Array("root".utf8) },
        Route(.post, "/echo", summary: "for tests", statuses: [.ok], bodyLimit: 100) {
            $1.contentType = "text/plain"
            $1.body = Array($0.body)
        },
    ]

    /// Never answers.
    static let never = route("/never") { request, _ in _ = request.postpone() }
}
