import Foundation
import TestSupport
import Testing

@Suite("schema and completions")
struct SchemaCommandTests {
    private func value(_ json: String) throws -> NSDictionary {
        try #require(JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary)
    }

    @Test("show and version say what the server says, and the same of its file", .ofFile(.commands))
    func show() throws {
        let server = try LogbookProcess()
        try server.store([NewEvent()])
        let source = ["--server", server.url]
        func run(_ arguments: [String]) throws -> String {
            let command = try Command(BuiltProgram.path, ["schema"] + arguments)
            guard command.status == 0 else { throw HarnessError(command.errors) }
            return command.output
        }
        #expect(
            try run(["version", "--format", "json"] + source)
                == server.exchange("GET", "/schema/version").text)
        let version = try run(["version"] + source)
        #expect(version.wholeMatch(of: /version: (\d+)\nlatest: \1\nstatus: ready\n/) != nil)
        #expect(
            try run(["version", "--database", server.database])
                == version.replacing("status: ready\n", with: ""))
        let served = try value(run(["show", "--format", "json"] + source))
        let read = try value(run(["show", "--format", "json", "--database", server.database]))
        for key in ["version", "latest", "migrations", "tables", "sqlite_version", "journal_mode"] {
            #expect(served[key] as? NSObject == read[key] as? NSObject, "\(key)")
        }
        #expect(read["journal_mode"] as? String == "wal")
        #expect(try run(["show"] + source).contains("\n  - name: events\n    columns:\n"))
    }

    @Test("migrate says what it will do, does it once, and keeps a copy", .ofFile(.migration))
    func migrate() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("logbook.db")
        try Version1.make(path, Version1.rows(100))
        let before = try folder.contents()
        let plan = try LogbookCommand.output("schema", "migrate", "--database", path, "--dry-run")
        let steps = plan.split(separator: "\n")
        #expect(steps[0] == "\(path): schema version 1, \(steps.count - 1) migrations to do")
        #expect(steps[1] == "2  Logbook's own schema")
        let latest = steps.count
        #expect(
            try LogbookCommand.output("schema", "version", "--database", path)
                == "version: 1\nlatest: \(latest)\n")
        #expect(try folder.contents() == before)

        let run = try LogbookCommand.run("schema", "migrate", "--database", path)
        #expect(run.status == 0)
        #expect(run.output == "\(path): schema version \(latest)\n")
        #expect(run.errors.contains("Migrated to schema version 2"), "\(run.errors)")
        let count = "SELECT count(*), (SELECT max(version) FROM schema_version) FROM events"
        #expect(try Command.sqlite(path + ".v1.bak", count) == ["100|1"])
        #expect(try Command.sqlite(path, "SELECT count(*), max(seq) FROM events") == ["100|100"])
        let again = try LogbookCommand.output("schema", "migrate", "--database", path)
        #expect(again == "\(path): schema version \(latest), as before\n")
        let server = try LogbookProcess(in: folder)
        #expect(try server.walk("limit=1000").count == 100)
    }

    @Test("migrate keeps out of a server's way, and makes no file", .ofFile(.commands))
    func refused() throws {
        let server = try LogbookProcess()
        let inUse = try LogbookCommand.run(
            "schema", "migrate", "--database", server.database, "--lock-timeout", "0")
        #expect(inUse.status == 3)
        #expect(inUse.errors.contains("in use"), "\(inUse.errors)")
        let folder = try TemporaryFolder()
        let none = try LogbookCommand.run(
            "schema", "migrate", "--database", folder.file("none.db"))
        #expect(none.status == 3)
        #expect(try folder.contents().isEmpty)
    }

    @Test("The script for bash completes commands, flags and values")
    func bash() throws {
        // Completes like a shell at a tab: with the function set for the command, and its words.
        func complete(_ words: String...) throws -> Set<String> {
            let line = words.joined(separator: " ")
            let quoted = words.map { "'\($0)'" }.joined(separator: " ")
            let run = try Command(
                "bash",
                [
                    "-c",
                    """
                    set -e
                    PATH=$FOLDER:$PATH
                    source <(logbook completions bash)
                    [[ $(complete -p logbook) =~ -F\\ ([^ ]+) ]]
                    COMP_WORDS=(\(quoted)) COMP_CWORD=\(words.count - 1)
                    COMP_LINE='\(line)' COMP_POINT=\(line.count) COMP_TYPE=9
                    set +e
                    "${BASH_REMATCH[1]}" logbook "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """,
                ], environment: ["FOLDER": folder.path])
            #expect(run.status == 0, "\(run.errors)")
            return Set(
                run.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
        }
        let folder = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("logbook"), withDestinationPath: BuiltProgram.path)
        #expect(try complete("logbook", "ev") == ["events"])
        #expect(
            try complete("logbook", "events", "").isSuperset(of: [
                "list", "get", "add", "import", "export",
            ]))
        #expect(
            try complete("logbook", "events", "list", "--sev") == ["--severity", "--severity-min"])
        #expect(
            try complete("logbook", "events", "list", "--format", "") == [
                "table", "wide", "json", "yaml", "csv", "name",
            ])
        #expect(try complete("logbook", "completions", "").isSuperset(of: ["bash", "zsh", "fish"]))
        for shell in ["zsh", "fish"] {
            let script = try LogbookCommand.output("completions", shell)
            #expect(script.contains("severity-min"))
        }
        #expect(try LogbookCommand.run("completions", "csh").status == 64)
    }
}
