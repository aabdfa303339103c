import Foundation
import TestSupport

/// An access file whose tokens the program itself has made.
struct AccessFile {
    let folder: TemporaryFolder
    private let name: String

    init(in folder: TemporaryFolder, name: String = "access") {
        self.folder = folder
        self.name = name
    }

    var path: String { folder.file(name) }

    /// Flags for a server.
    var flags: [String] { ["--access-file", path] }

    /// A header field with `token`.
    static func bearer(_ token: String) -> [(String, String)] {
        [("Authorization", "Bearer \(token)")]
    }

    /// Makes a token and adds its line; the token goes into a file of its name, too.
    @discardableResult
    func add(_ name: String, _ scopes: String) throws -> String {
        let output = try LogbookCommand.output(
            "token", "create", "--name", name, "--scope", scopes, "--file", path)
        try output.write(toFile: tokenFile(name), atomically: true, encoding: .utf8)
        return output.trimmingCharacters(in: .newlines)
    }

    func tokenFile(_ name: String) -> String { folder.file("\(name).token") }

    /// Takes the lines of `name` out.
    func remove(_ name: String) throws {
        try replace(by: try text().split(separator: "\n").filter { !$0.hasPrefix("\(name) ") })
    }

    func replace(by lines: [some StringProtocol]) throws {
        try lines.map { "\($0)\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
    }

    func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
