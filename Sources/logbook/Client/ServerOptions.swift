import ArgumentParser

/// The server that a command talks to.
struct ServerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server: http://HOST:PORT, https://HOST:PORT or unix:PATH.", valueName: "url"))
    var server = ServerOptions.defaultServer

    @OptionGroup
    var trust: TrustOptions

    @Option(help: "Seconds to wait for the server. (default: 30)", transform: Units.wholeSeconds)
    var timeout = 30

    static let defaultServer = "http://127.0.0.1:8080"
    static let valueFlags = ["server", "timeout"] + TrustOptions.valueFlags

    func validate() throws { try Self.check(timeout: timeout) }

    static func check(timeout: Int) throws {
        guard (1...86_400).contains(timeout) else {
            throw ValidationError("--timeout must be from 1 to 86400, not \(timeout)")
        }
    }

    func client() throws -> LogbookClient {
        try trust.client(of: server, timeoutSeconds: timeout)
    }
}
