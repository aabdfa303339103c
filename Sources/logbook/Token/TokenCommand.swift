import Access
import ArgumentParser
import Glibc
import HTTPServer
import Ingest
import System

/// `logbook token`
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Create tokens for clients.",
        subcommands: [TokenCreateCommand.self])
}

/// `logbook token create`
struct TokenCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a token and its line for an access file.",
        discussion: """
            The token is printed only once and stored nowhere; the line holds its hash. With \
            --file, the line is appended to that file and only the token is printed; a server with \
            that --access-file accepts it within seconds.

            Examples:
              logbook token create --name shipper --scope write --file access > token
              logbook token create --name dashboard --scope read
            """)

    @Option(
        help: ArgumentHelp(
            "The name of its owner in the log: 1 to 64 of A-Z a-z 0-9 . _ -", valueName: "name"))
    var name: String

    @Option(
        help: ArgumentHelp(
            "Its scopes: read, write, read,write, or admin, which is both and deleting; write:alertmanager permits that format of other programs only.",
            valueName: "scopes"))
    var scope: String

    @Option(
        help: ArgumentHelp(
            "The access file to append the line to; created if missing. (default: none)",
            valueName: "path"), completion: .file())
    var file: String?

    /// A prefix by which people and secret scanners recognize a token.
    private static let prefix = "logbook_"

    func validate() throws {
        guard Scopes(scope) != nil else {
            throw ValidationError(
                "--scope must be any of read, write, write:FORMAT and admin, separated by commas, not '\(scope)'; the formats are \(SenderFormats.names.joined(separator: ", "))"
            )
        }
        guard AccessList.line(name: name, scopes: .read, token: "") != nil else {
            throw ValidationError(
                "--name must be 1 to 64 of A-Z a-z 0-9 . _ -, not '\(name)'")
        }
    }

    func run() throws {
        try reportingFailures(of: file ?? "token") {
            let token = Self.make()
            guard let scopes = Scopes(scope),
                let line = AccessList.line(name: name, scopes: scopes, token: token)
            else { preconditionFailure("both were validated") }
            if let file { try Self.append(line, to: file) }
            let output = StandardOutput()
            try output.write { $0 += Array("\(token)\n".utf8) }
            if file == nil { try output.write { $0 += Array("\(line)\n".utf8) } }
            try output.flush()
        }
    }

    /// 256 bits from the system's generator. Nobody can guess them, so a hash without salt or
    /// stretching hides them.
    private static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return prefix + (0..<4).map { _ in generator.next().hexadecimal }.joined()
    }

    private static func append(_ line: String, to path: String) throws {
        func failure(_ action: String) -> ClientError {
            .unusable("cannot \(action): \(SystemError.text(of: errno))")
        }
        let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open it") }
        defer { close(descriptor) }
        guard let present = readFile(path, limit: AccessList.mostBytes) else {
            throw failure("read it")
        }
        let isLineOpen = present.last.map { $0 != UInt8(ascii: "\n") } ?? false
        let addition = Array("\(isLineOpen ? "\n" : "")\(line)\n".utf8)
        do throws(AccessError) {
            // A file that a server would refuse is not extended, nor beyond the size limit.
            _ = try AccessList(present + addition)
        } catch {
            throw ClientError.unusable("\(error)")
        }
        guard addition.withUnsafeBytes({ writeAll($0, to: descriptor) }), fsync(descriptor) == 0
        else { throw failure("write it") }
    }
}
