import ArgumentParser

/// `logbook healthcheck`: what an image without a shell probes itself with.
struct HealthcheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a server's /schema/version; exit 0 when it answers 200, else 1.")

    @Option(help: ArgumentHelp("The server: http://HOST:PORT or unix:PATH.", valueName: "url"))
    var server = "http://127.0.0.1:8080"

    @Option(help: "Seconds to wait for the answer.")
    var timeout = 3

    static let valueFlags = ["server", "timeout"]

    func run() throws {
        guard let client = HTTPClient(server: server, timeoutSeconds: timeout) else {
            throw ValidationError("--server must be http://HOST:PORT or unix:PATH, not '\(server)'")
        }
        let status: Int
        do {
            status = try client.status(of: "/schema/version")
        } catch {
            printToStandardError("\(server): \(error)")
            throw ExitCode.failure
        }
        guard status == 200 else {
            printToStandardError("\(server)/schema/version answered \(status)")
            throw ExitCode.failure
        }
    }
}
