import Foundation
import TestSupport
import Testing

@Suite("The files that commands make, and those they do not")
struct FileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    /// A database with one event, as a server leaves it, without its lock file.
    private func makeDatabase(_ name: String = "logbook.db") throws -> String {
        let server = try LogbookProcess(in: folder, database: name)
        try server.store([NewEvent(id: "e")])
        try server.stop()
        for suffix in [".lock", ".reserve"] {
            try FileManager.default.removeItem(atPath: folder.file(name + suffix))
        }
        return server.database
    }

    @Test("All files are their owner's alone")
    func permissions() throws {
        let old = folder.file("old.db")
        try Version1.make(old, Version1.rows(1))
        #expect(chmod(old, 0o600) == 0)
        let server = try LogbookProcess(in: folder)
        try server.store([NewEvent(id: "e")])
        let copy = folder.file("copy.db")
        let runs = [
            ["backup", "--server", server.url, "--output", copy],
            ["backup", "--database", server.database, "--output", folder.file("copy2.db")],
            ["restore", "--from", copy, "--database", folder.file("restored.db")],
            ["restore", "--from", copy, "--database", folder.file("restored.db")],
            ["schema", "migrate", "--database", old],
            ["events", "export", "--server", server.url, "--output", folder.file("e.ndjson")],
        ]
        for run in runs {
            let command = try Command(
                "bash", ["-c", "umask 022; \"$@\"", "bash", BuiltProgram.path] + run)
            #expect(command.status == 0, "\(run): \(command.errors)")
        }
        let names = try names()
        for part in [".lock", ".reserve", "-wal", "-shm", ".v1.bak", ".before-", "copy2.db"] {
            #expect(names.contains { $0.contains(part) }, "\(part): \(names)")
        }
        for name in names {
            let mode = try Command.output("stat", "-c", "%a", folder.file(name))
            #expect(mode == "600\n", "\(name)")
        }
    }

    @Test(
        "What only reads makes nothing, and keeps no server from starting",
        arguments: [
            ["check"], ["backup", "--output", "COPY"], ["events", "list"], ["events", "export"],
            ["events", "stats"], ["schema", "show"], ["schema", "version"],
            ["schema", "migrate", "--dry-run"],
        ])
    func readsOnly(_ arguments: [String]) throws {
        let database = try makeDatabase()
        let copies = try TemporaryFolder()
        let before = try names()
        let run = try Command(
            BuiltProgram.path,
            arguments.map { $0 == "COPY" ? copies.file("copy.db") : $0 } + [
                "--database", database,
            ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try names() == before)
    }

    @Test("A folder that is missing is named, and not made")
    func missingFolder() throws {
        let database = try makeDatabase()
        let missing = folder.file("missing")
        let path = missing + "/x.db"
        let runs: [([String], Int32)] = [
            (["serve", "--listen", "127.0.0.1:0", "--database", path], 3),
            (["check", "--database", path], 3),
            (["events", "list", "--database", path], 3),
            (["schema", "show", "--database", path], 3),
            (["schema", "migrate", "--database", path], 3),
            (["backup", "--database", path, "--output", folder.file("copy.db")], 3),
            (["backup", "--database", database, "--output", path], 1),
            (["restore", "--from", path, "--database", database], 3),
            (["restore", "--from", database, "--database", path], 3),
            (["events", "export", "--database", database, "--output", path], 1),
        ]
        for (arguments, status) in runs {
            let run = try Command(BuiltProgram.path, arguments)
            #expect(run.status == status, "\(arguments): \(run.errors)")
            #expect(run.errors.contains("there is no folder \(missing)"), "\(run.errors)")
        }
        #expect(try !names().contains("missing"))
        let file = try Command(BuiltProgram.path, ["check", "--database", folder.file("none.db")])
        #expect(file.errors.contains("No such file"), "\(file.errors)")
    }

    @Test("A setting without a value is wrong usage", arguments: Settings.all)
    func empty(_ settings: Settings) throws {
        for flag in settings.flags {
            let variable = "LOGBOOK_" + flag.uppercased().replacingOccurrences(of: "-", with: "_")
            let run = try Command(
                BuiltProgram.path, settings.command, environment: [variable: ""])
            #expect(run.status == 64, "\(variable): \(run.errors)")
            #expect(run.errors.contains("\(variable) is empty"), "\(run.errors)")
            for given in [["--\(flag)", ""], ["--\(flag)="]] {
                let run = try Command(BuiltProgram.path, settings.command + given)
                #expect(run.status == 64, "\(given): \(run.errors)")
                #expect(run.errors.contains("--\(flag) is empty"), "\(run.errors)")
            }
        }
    }

    /// A command and some of its settings.
    struct Settings: Sendable {
        let command: [String]
        let flags: [String]

        static let all = [
            Settings(
                command: ["serve"],
                flags: [
                    "database", "listen", "probe-listen", "access-file", "tls-certificate",
                    "log-level", "max-body-bytes", "redact-keys",
                ]),
            Settings(command: ["check"], flags: ["database"]),
            Settings(command: ["backup"], flags: ["database", "output", "ca", "token-file"]),
            Settings(command: ["restore"], flags: ["from", "database"]),
            Settings(command: ["events", "list"], flags: ["server", "database", "format"]),
            Settings(command: ["schema", "migrate"], flags: ["database"]),
            Settings(command: ["healthcheck"], flags: ["server", "timeout"]),
        ]
    }
}
