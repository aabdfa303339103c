import ArgumentParser

/// The source of a command's events: a server, or a file directly.
struct SourceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server: http://HOST:PORT, https://HOST:PORT or unix:PATH. (default: \(ServerOptions.defaultServer), without --database)",
            valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "A database file to read instead, even while a server writes it. (default: none)",
            valueName: "path"), completion: .file())
    var database: String?

    @OptionGroup
    var trust: TrustOptions

    @Option(help: "Seconds to wait for the server. (default: 30)", transform: Units.wholeSeconds)
    var timeout = 30

    static let valueFlags = ["server", "database", "timeout"] + TrustOptions.valueFlags

    func validate() throws {
        guard server == nil || database == nil else {
            throw ValidationError("give either --server or --database")
        }
        try ServerOptions.check(timeout: timeout)
    }

    /// The start of messages.
    var subject: String { database ?? server ?? ServerOptions.defaultServer }

    /// Opens the source.
    func open() throws -> EventSource {
        try database.map { .file(try EventFile($0)) } ?? .server(client())
    }

    /// Creates a client of the server.
    func client() throws -> LogbookClient {
        try trust.client(of: server ?? ServerOptions.defaultServer, timeoutSeconds: timeout)
    }
}
