import Foundation
import TestSupport
import Testing

/// Tokens on the command line: creating and sending them.
@Suite("token create, and commands with a token")
struct TokenTests {
    private let folder: TemporaryFolder
    private let file: AccessFile

    init() throws {
        folder = try TemporaryFolder()
        file = AccessFile(in: folder)
    }

    @Test("Every command that asks a server shows its token")
    func commands() throws {
        try file.add("boss", "admin")
        try file.add("reader", "read")
        let server = try LogbookProcess(in: folder, flags: file.flags)
        let event = ["--type", "a", "--severity", "info", "--title", "t", "--id", "x"]
        try NewEvent(id: "y").json.write(
            toFile: folder.file("y.ndjson"), atomically: true, encoding: .utf8)
        for command in [
            ["events", "add"] + event, ["events", "list"], ["events", "get", "x"],
            ["events", "stats"], ["events", "export"],
            ["events", "import", folder.file("y.ndjson")],
            ["events", "list", "--follow", "--after", "0", "--count", "1"], ["schema", "show"],
            ["backup", "--output", folder.file("copy.db")], ["events", "delete", "x", "--yes"],
        ] {
            let arguments = command + ["--server", server.url]
            let without = try Command(BuiltProgram.path, arguments)
            #expect(without.status == 1, "\(command)")
            #expect(without.errors.contains("401"), "\(command): \(without.errors)")
            #expect(without.errors.contains("--token-file"), "\(command)")
            let run = try Command(
                BuiltProgram.path, arguments,
                environment: ["LOGBOOK_TOKEN_FILE": file.tokenFile("boss")])
            if TestStore.isPostgreSQL, run.errors.contains("backups of its own") { continue }
            #expect(run.status == 0, "\(command): \(run.errors)")
        }
        let weak = try Command(
            BuiltProgram.path,
            [
                "events", "delete", "y", "--yes", "--server", server.url, "--token-file",
                file.tokenFile("reader"),
            ])
        #expect(weak.status == 1)
        #expect(
            weak.errors.contains("needs the scope admin, and 'reader' has read"), "\(weak.errors)")
        #expect(try LogbookCommand.run("healthcheck", "--server", server.url).status == 0)
        #expect(try LogbookCommand.run("schema", "version", "--server", server.url).status == 0)
    }

    @Test("A token is printed once, and only its hash is kept, in a private file")
    func create() throws {
        let output = try LogbookCommand.output(
            "token", "create", "--name", "ci", "--scope", "write,read")
        let match = try #require(
            output.wholeMatch(of: #/(logbook_[0-9a-f]{64})\nci read,write sha256:([0-9a-f]{64})\n/#)
        )
        let sum = try Command.output("sh", "-c", "printf %s \(match.1) | sha256sum")
        #expect(sum.hasPrefix(match.2))
        let first = try file.add("a.b_c-9", "admin")
        #expect(first.wholeMatch(of: /logbook_[0-9a-f]{64}/) != nil)
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        // Nothing is appended to a last line without a line end.
        try file.replace(
            by: [try file.text() + "# by hand"].map { $0.trimmingCharacters(in: .newlines) })
        try String(try file.text().dropLast()).write(
            toFile: file.path, atomically: true, encoding: .utf8)
        let second = try file.add("second", "read")
        #expect(second != first)
        let lines = try file.text().split(separator: "\n")
        #expect(
            lines.count == 3 && lines[1] == "# by hand" && lines[2].hasPrefix("second read sha256:")
        )
        #expect(try !file.text().contains(first))
        let server = try LogbookProcess(in: folder, flags: file.flags)
        for token in [first, second] {
            let answer = try server.exchange("GET", "/events", headers: AccessFile.bearer(token))
            #expect(answer.status == 200)
        }
    }

    @Test(
        "A name, a scope or a file that cannot be is refused, and the file left as it was",
        arguments: [
            ["--name", "a b", "--scope", "read"], ["--name", "", "--scope", "read"],
            ["--name", "a\nb", "--scope", "read"],
            ["--name", "a", "--scope", "all"], ["--name", "a", "--scope", ""], ["--name", "a"],
            ["--scope", "read"],
        ])
    func wrongUsage(_ arguments: [String]) throws {
        let run = try Command(
            BuiltProgram.path, ["token", "create", "--file", file.path] + arguments)
        #expect(run.status == 64)
        #expect(run.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: file.path))
    }

    @Test("No line is written to a file that is not an access file")
    func foreignFile() throws {
        try "key: value\n".write(toFile: file.path, atomically: true, encoding: .utf8)
        for path in [file.path, folder.path, folder.file("none/access")] {
            let run = try LogbookCommand.run(
                "token", "create", "--name", "a", "--scope", "read", "--file", path)
            #expect(run.status == 1)
            #expect(run.output.isEmpty)
            #expect(run.errors.hasPrefix(path), "\(run.errors)")
        }
        #expect(try file.text() == "key: value\n")
    }
}
