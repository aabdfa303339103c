import ArgumentParser
import Glibc
import HTTPServer

/// `logbook kubeconfig`
struct KubeconfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubeconfig",
        abstract: "Print a kubeconfig with which kubectl reads events from a server.",
        discussion: """
            It names files, and holds no secret. kubectl sends no token and no certificate over \
            plain HTTP, so a server that asks for one needs https.

            Examples:
              logbook kubeconfig --server http://127.0.0.1:8080 > logbook.kubeconfig
              kubectl --kubeconfig logbook.kubeconfig get events -A
              logbook kubeconfig --server https://logbook:8080 --token-file token
            """)

    @Option(
        help: ArgumentHelp(
            "The server: http://HOST:PORT or https://HOST:PORT, with the path of a proxy if it has one.",
            valueName: "url"))
    var server = ServerOptions.defaultServer

    @OptionGroup
    var trust: TrustOptions

    @Option(help: ArgumentHelp("Only events of this cluster. (default: all)", valueName: "name"))
    var cluster: String?

    @Option(
        help: ArgumentHelp(
            "How far back to look: an age such as 7d. (default: the server's, 24h)",
            valueName: "age"))
    var since: String?

    @Option(help: "The name of the context.")
    var context = "logbook"

    static let valueFlags = ["server"] + TrustOptions.valueFlags

    func validate() throws {
        let isSecure = server.hasPrefix("https://")
        guard isSecure || server.hasPrefix("http://") else {
            throw ValidationError(
                "--server must be http://HOST:PORT or https://HOST:PORT for kubectl, not '\(server)'"
            )
        }
        let hasCredentials = trust.tokenFile != nil || trust.certificate != nil
        guard isSecure || !hasCredentials else {
            throw ValidationError(
                "kubectl sends no token and no certificate to '\(server)', because it is not https; serve with TLS (--listen https://HOST:PORT), or leave them out"
            )
        }
    }

    func run() throws {
        var address = server.last == "/" ? String(server.dropLast()) : server
        if let cluster { address += "/clusters/\(Self.encoded(cluster))" }
        if let since { address += "/since/\(Self.encoded(since))" }
        var text = "apiVersion: v1\nkind: Config\nclusters:\n- name: \(Self.quoted(context))\n"
        text += "  cluster:\n    server: \(Self.quoted(address))\n"
        text += try Self.file("certificate-authority", trust.ca)
        let files = [
            try Self.file("tokenFile", trust.tokenFile),
            try Self.file("client-certificate", trust.certificate),
            try Self.file("client-key", trust.key),
        ].joined()
        text += "users:\n- name: \(Self.quoted(context))\n"
        text += files.isEmpty ? "  user: {}\n" : "  user:\n\(files)"
        text += "contexts:\n- name: \(Self.quoted(context))\n  context:\n"
        text += "    cluster: \(Self.quoted(context))\n    user: \(Self.quoted(context))\n"
        text += "current-context: \(Self.quoted(context))"
        printToStandardOutput(text)
    }

    /// A line with a file's absolute path; nothing for none.
    private static func file(_ key: String, _ path: String?) throws -> String {
        guard let path else { return "" }
        guard let whole = realpath(path, nil) else {
            throw ValidationError("\(path): \(String(cString: strerror(errno)))")
        }
        defer { free(whole) }
        return "    \(key): \(quoted(String(cString: whole)))\n"
    }

    private static func encoded(_ text: String) -> String {
        String(decoding: PercentEncoding.encode(text.utf8), as: UTF8.self)
    }

    /// A YAML scalar in single quotes.
    private static func quoted(_ text: String) -> String {
        "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
    }
}
