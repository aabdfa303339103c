import Foundation
import TestSupport

/// An access file whose tokens were created by the program itself.
struct AccessFile {
    let folder: TemporaryFolder
    private let name: String

    init(in folder: TemporaryFolder, name: String = "access") {
        self.folder = folder
        self.name = name
    }

    var path: String { folder.file(name) }

    /// The flags for a server.
    var flags: [String] { ["--access-file", path] }

    /// A header field with `token`.
    static func bearer(_ token: String) -> [(String, String)] {
        [("Authorization", "Bearer \(token)")]
    }

    /// Creates a token and adds its line. The token also goes into a file of its name.
    @discardableResult
    func add(_ name: String, _ scopes: String) throws -> String {
        let output = try LogbookCommand.output(
            "token", "create", "--name", name, "--scope", scopes, "--file", path)
        try output.write(toFile: tokenFile(name), atomically: true, encoding: .utf8)
        return output.trimmingCharacters(in: .newlines)
    }

    func tokenFile(_ name: String) -> String { folder.file("\(name).token") }

    /// Removes the lines of `name`.
    func remove(_ name: String) throws {
        try replace(by: try text().split(separator: "\n").filter { !$0.hasPrefix("\(name) ") })
    }

    func replace(by lines: [some StringProtocol]) throws {
        try lines.map { "\($0)\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
    }

    func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
