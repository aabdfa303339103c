import ArgumentParser

/// `logbook healthcheck`, the probe of an image without a shell.
struct HealthcheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a server's /schema/version; exit 0 if it answers 200, otherwise 1.",
        discussion: """
            Example: logbook healthcheck --server http://127.0.0.1:8080
            """)

    @Option(
        help: ArgumentHelp(
            "The server: http://HOST:PORT, https://HOST:PORT or unix:PATH.", valueName: "url"))
    var server = ServerOptions.defaultServer

    @OptionGroup
    var trust: TrustOptions

    @Option(help: "Seconds to wait for the answer.")
    var timeout = 3

    static let valueFlags = ["server", "timeout"] + TrustOptions.valueFlags

    func validate() throws { try ServerOptions.check(timeout: timeout) }

    func run() throws {
        try reportingFailures(of: server) {
            let client = try trust.client(of: server, timeoutSeconds: timeout)
            let status = try client.status(of: "/schema/version")
            guard status == 200 else {
                printToStandardError("\(server)/schema/version answered \(status)")
                throw ExitCode.failure
            }
        }
    }
}
