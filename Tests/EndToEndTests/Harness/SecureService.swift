import Foundation
import TestSupport

/// `logbook serve` with a TLS port besides its plain one, and real clients for it.
struct SecureService {
    let server: LogbookProcess
    let port: String
    let certificates: Certificates

    /// Starts one with the certificate `server`, or with `flags` instead.
    init(
        _ certificates: Certificates, certificate: [String]? = nil, flags: [String] = []
    ) throws {
        self.certificates = certificates
        server = try LogbookProcess(
            in: certificates.folder, flags: (certificate ?? certificates.flags) + flags)
        let line = try server.logLine(containing: "Listening on https://127.0.0.1:")
        port = String(line.split(separator: ":").last ?? "")
    }

    /// The result of `curl` for a request; it trusts the authority `ca`.
    func curl(_ arguments: [String], path: String = "/schema/version") throws -> Command {
        try Command("curl", curlArguments(arguments, path: path))
    }

    func curlArguments(_ arguments: [String], path: String) -> [String] {
        [
            "-sS", "--noproxy", "*", "--max-time", "\(Patience.seconds)", "--cacert",
            certificates.certificate("ca"),
        ] + arguments + ["https://localhost:\(port)\(path)"]
    }

    /// `curl` with a client's certificate.
    func curl(as name: String) throws -> Command { try curl(identity(name)) }

    func identity(_ name: String) -> [String] {
        ["--cert", certificates.certificate(name), "--key", certificates.key(name)]
    }

    /// Runs `openssl s_client`, which ends at once because its input is empty.
    func client(_ arguments: [String]) throws -> Command {
        try Command("openssl", ["s_client", "-connect", "127.0.0.1:\(port)"] + arguments)
    }

    /// Sends a request with `openssl s_client`, and returns its output until the server closes.
    func request(_ arguments: String, target: String = "/healthz") throws -> String {
        let request = certificates.folder.file("request")
        try "GET \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".write(
            toFile: request, atomically: true, encoding: .utf8)
        let command = "openssl s_client -connect 127.0.0.1:\(port) \(arguments) -ign_eof"
        return try Command.output("sh", "-c", "\(command) < \(request)")
    }

    /// The subject of the certificate that it serves now.
    func subject() throws -> String {
        let output = try client([]).output
        return output.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init)
            ?? output
    }
}
