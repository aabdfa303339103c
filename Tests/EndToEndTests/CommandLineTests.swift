import Foundation
import TestSupport
import Testing

@Suite("The command line")
struct CommandLineTests {
    private static let usageExit: Int32 = 64
    private static let refusedExit: Int32 = 3

    private func logbook(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Command {
        try Command(BuiltProgram.path, arguments, environment: environment)
    }

    // MARK: Flags and variables

    /// The flags of `serve --help` that take values, each with its description on one line.
    private func documentedFlags() throws -> [(flag: String, text: String)] {
        let help = try logbook(["serve", "--help"])
        #expect(help.status == 0)
        var flags: [(flag: String, text: String)] = []
        for line in help.output.split(separator: "\n") {
            if let match = line.prefixMatch(of: #/  --([a-z-]+) \[?</#) {
                flags.append((String(match.1), ""))
            } else if !line.hasPrefix("      ") {
                // A flag without a value comes between them and is left out.
                continue
            }
            if !flags.isEmpty {
                flags[flags.count - 1].text += " " + line.trimmingCharacters(in: .whitespaces)
            }
        }
        return flags
    }

    @Test("Every flag of serve documents what it does and its default")
    func defaults() throws {
        let flags = try documentedFlags()
        #expect(flags.count >= 20)
        for (flag, text) in flags {
            #expect(text.contains(/\(default: .+\)/), "--\(flag): \(text)")
        }
        #expect(Set(flags.map(\.flag)).count == flags.count)
    }

    @Test("Every flag of serve has a variable, whose value is checked like the flag's")
    func variables() throws {
        let folder = try TemporaryFolder()
        for (flag, _) in try documentedFlags() {
            let variable = "LOGBOOK_" + flag.uppercased().replacingOccurrences(of: "-", with: "_")
            var arguments = ["serve"]
            if flag != "listen" { arguments += ["--listen", "127.0.0.1:0"] }
            // Any text is a path; an impossible one is refused later.
            let paths = ["database": Self.refusedExit, "access-file": 1]
            // The file's flag would win over the variable of another store.
            if !["database", "store"].contains(flag) {
                arguments += ["--database", folder.file("logbook.db")]
            }
            // Any word is a valid key and a valid name.
            let nonsense =
                switch flag {
                case "redact-keys", "allowed-host": "?"
                case "cluster-name": String(repeating: "n", count: 254)
                default: "nonsense"
                }
            let value = paths[flag] == nil ? nonsense : folder.file("none/logbook.db")
            let command = try logbook(arguments, environment: [variable: value])
            #expect(command.status == paths[flag] ?? Self.usageExit, "\(variable)")
            #expect(
                command.errors.contains(paths[flag] == nil ? "--\(flag)" : value),
                "\(command.errors)")
        }
        #expect(try folder.contents().isEmpty, "nothing was opened")
    }

    @Test(
        "A setting out of its range is wrong usage",
        arguments: [
            ["--max-connections", "0"], ["--max-body-bytes", "0"], ["--header-timeout", "0"],
            ["--shutdown-timeout", "-1"], ["--event-loops", "257"], ["--listen", "127.0.0.1"],
            ["--listen", "127.0.0.1:65536"], ["--log-level", "loud"],
            ["--max-body-bytes", "1000000000000"],
            ["--max-database-bytes", "1000"], ["--max-wal-bytes", "1000"], ["--max-events", "-1"],
            ["--max-queued-events", "0"], ["--retain-info", "7"], ["--retain-error", "-1d"],
            ["--no-such-flag"], ["surplus"],
        ])
    func outOfRange(_ arguments: [String]) throws {
        let folder = try TemporaryFolder()
        let command = try logbook(["serve", "--database", folder.file("logbook.db")] + arguments)
        #expect(command.status == Self.usageExit)
        #expect(!command.errors.isEmpty)
        #expect(try folder.contents().isEmpty)
    }

    @Test("Settings come from the environment")
    func environment() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("from-variable.db")
        let server = try LogbookProcess(
            in: folder, database: nil,
            environment: ["LOGBOOK_DATABASE": path, "LOGBOOK_MAX_BODY_BYTES": "200"])
        #expect(FileManager.default.fileExists(atPath: path))
        #expect(try server.post(NewEvent().json).status == 201)
        try server.post(NewEvent(title: String(repeating: "t", count: 200)).json).problem(413)
    }

    @Test(
        "A flag wins over its variable",
        arguments: [["--max-body-bytes", "300"], ["--max-body-bytes=300"]])
    func precedence(_ flag: [String]) throws {
        let folder = try TemporaryFolder()
        let other = folder.file("from-variable.db")
        let server = try LogbookProcess(
            in: folder, flags: flag,
            environment: ["LOGBOOK_DATABASE": other, "LOGBOOK_MAX_BODY_BYTES": "10"])
        #expect(FileManager.default.fileExists(atPath: server.database))
        #expect(!FileManager.default.fileExists(atPath: other))
        #expect(try server.post(NewEvent().json).status == 201)
        try server.post(NewEvent(title: String(repeating: "t", count: 300)).json).problem(413)
    }

    @Test(
        "--help and --version",
        arguments: [
            ["--help"], ["serve", "--help"], ["healthcheck", "--help"], ["backup", "--help"],
            ["restore", "--help"], ["check", "--help"], ["events", "--help"],
            ["events", "list", "--help"],
            ["--version"],
        ])
    func help(_ arguments: [String]) throws {
        let command = try logbook(arguments)
        #expect(command.status == 0)
        #expect(!command.output.isEmpty)
        #expect(command.errors.isEmpty)
    }

    // MARK: healthcheck

    @Test("healthcheck tells a live service from none")
    func healthcheck() throws {
        let server = try LogbookProcess()
        let flag = ["healthcheck", "--server", server.url]
        #expect(try logbook(flag).status == 0)
        #expect(
            try logbook(["healthcheck"], environment: ["LOGBOOK_SERVER": server.url]).status == 0)
        try server.stop()
        let port = ReservedPort()
        let none = try logbook(["healthcheck", "--server", "http://127.0.0.1:\(port.number)"])
        #expect(none.status == 1)
        #expect(none.errors.contains("127.0.0.1:\(port.number)"))
        for server in ["127.0.0.1:80", "ftp://x", "http://", "http://x:y"] {
            #expect(
                try logbook(["healthcheck", "--server", server]).status == Self.usageExit,
                "\(server)")
        }
    }

    // MARK: What is taken

    @Test("A port in use is a failure that says so")
    func portInUse() throws {
        let server = try LogbookProcess()
        let folder = try TemporaryFolder()
        let command = try logbook([
            "serve", "--listen", "127.0.0.1:\(server.port)", "--database",
            folder.file("logbook.db"),
        ])
        #expect(command.status == 1)
        #expect(command.errors.contains("127.0.0.1:\(server.port)"), "\(command.errors)")
        #expect(command.errors.contains("in use"), "\(command.errors)")
        #expect(try folder.contents().isEmpty)
        #expect(try server.exchange("GET", "/readyz").status == 200)
    }

    @Test("A database in use is refused, and its owner continues")
    func databaseInUse() throws {
        let server = try LogbookProcess()
        try server.post(NewEvent(id: "e").json)
        let command = try logbook([
            "serve", "--listen", "127.0.0.1:0", "--database", server.database,
        ])
        #expect(command.status == Self.refusedExit)
        #expect(command.errors.contains("in use"), "\(command.errors)")
        #expect(try server.post(NewEvent(id: "f").json).status == 201)
        try server.stop()
        let next = try LogbookProcess(in: server.folder)
        #expect(try next.walk("").count == 2)
    }
}
