import ArgumentParser
import System

/// `logbook healthcheck`, the probe of an image without a shell.
struct HealthcheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a server's /schema/version; exit 0 if it answers 200, otherwise 1.",
        discussion: """
            Without --server it asks the server that is process 1, as in a container, at the \
            address that its flags and environment set: the first of --probe-listen, or of \
            --listen without TLS. If process 1 is none, it asks http://127.0.0.1:8080.

            Example: logbook healthcheck --server http://127.0.0.1:8080
            """)

    @Option(
        help: ArgumentHelp(
            "The server: http://HOST:PORT, https://HOST:PORT or unix:PATH. (default: the server that is process 1)",
            valueName: "url"))
    var server: String?

    @OptionGroup
    var trust: TrustOptions

    @Option(help: "Seconds to wait for the answer. (default: 3)", transform: Units.wholeSeconds)
    var timeout = 3

    static let valueFlags = ["server", "timeout"] + TrustOptions.valueFlags

    func validate() throws { try ServerOptions.check(timeout: timeout) }

    func run() throws {
        let server = try server ?? Self.firstProcess() ?? ServerOptions.defaultServer
        try reportingFailures(of: server) {
            let client = try trust.client(of: server, timeoutSeconds: timeout)
            let status = try client.status(of: "/schema/version")
            guard status == 200 else {
                printToStandardError("\(server)/schema/version answered \(status)")
                throw ExitCode.failure
            }
        }
    }

    /// The URL for the server that is process 1, below an init process or not; nil if there is none.
    private static func firstProcess() throws -> String? {
        guard let line = readFile("/proc/1/cmdline", limit: longestCommandLine) else {
            return nil
        }
        let words = line.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
        guard
            let program = words.firstIndex(where: { $0 == "logbook" || $0.hasSuffix("/logbook") }),
            let serve = try Logbook.parseAsRoot(
                Environment.extend(Array(words[(program + 1)...]))) as? ServeCommand
        else { return nil }
        guard let url = try serve.listening.plainURL else {
            throw ValidationError(
                "the server listens with TLS only; give it --probe-listen, or name it with --server"
            )
        }
        return url
    }

    private static let longestCommandLine = 1 << 20
}
