import Glibc
import HTTPServer
import Logging

/// The smallest program on `HTTPServer`: `echo --listen 127.0.0.1:8080`. Conformance tools run
/// against it, and it shows everything that a program of your own needs.
@main
enum Echo {
    private static let bodyLimit = 16 * 1024 * 1024

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, arguments[1] == "--listen",
            let address = ListenAddress(arguments[2])
        else {
            print("usage: echo --listen HOST:PORT")
            exit(64)
        }
        let server = Server(
            ServerConfiguration(addresses: [address], loops: 2), router: Router(routes),
            logger: Logger(label: "echo", factory: { StreamLogHandler.standardError(label: $0) }))
        // Blocked before any thread starts, so that no signal ends one, and an early signal is
        // kept.
        var termination = sigset_t()
        sigemptyset(&termination)
        sigaddset(&termination, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &termination, nil)
        try server.start()
        var signal: Int32 = 0
        sigwait(&termination, &signal)
        server.stop(timeout: .seconds(5))
    }

    private static var routes: [Route] {
        let fixed = [
            Route(.get, "/", summary: "200", statuses: [.ok], handler: answerNothing),
            Route(.options, "/", summary: "200", statuses: [.ok], handler: answerNothing),
            Route(
                .post, "/", summary: "the body that it got", statuses: [.ok], bodyLimit: bodyLimit,
                handler: answerBody),
        ]
        // Any method that the server implements. Another one is a 405 that lists them. The handler
        // of GET also gets HEAD.
        let echoes = HTTPMethod.allCases.filter { $0 != .head }.map { method in
            Route(
                method, "/echo", summary: "the header lines that it got", statuses: [.ok],
                bodyLimit: bodyLimit, handler: answerHeaders)
        }
        return fixed + echoes
    }

    @Sendable private static func answerNothing(_ request: Request, _ response: inout Response) {
        response.contentType = "text/plain"
    }

    @Sendable private static func answerBody(_ request: Request, _ response: inout Response) {
        response.contentType = "application/octet-stream"
        response.body.append(contentsOf: request.body)
    }

    @Sendable private static func answerHeaders(_ request: Request, _ response: inout Response) {
        response.contentType = "text/plain"
        for (name, value) in request.headers {
            response.body.append(contentsOf: "\(name): \(value)\n".utf8)
        }
    }
}
