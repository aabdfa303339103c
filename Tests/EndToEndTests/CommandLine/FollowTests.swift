import Foundation
import TestSupport
import Testing

@Suite("events list --follow")
struct FollowTests {
    private func tail(_ server: String, _ arguments: String...) throws -> ChildProcess {
        try ChildProcess(
            BuiltProgram.path,
            ["events", "-f", "--server", server, "--format", "json"] + arguments)
    }

    private func ids(_ text: String) throws -> [String] {
        try text.split(separator: "\n").map {
            try JSONDecoder().decode(StoredEvent.self, from: Data($0.utf8)).id
        }
    }

    @Test("Each event is printed when it is stored, by the filters")
    func follows() throws {
        let server = try LogbookProcess()
        try server.store([NewEvent(id: "before")])
        let child = try tail(server.url, "--severity", "error", "--after", "0")
        // The first one arrives before the second is stored.
        for number in 0..<3 {
            try server.store([
                NewEvent(id: "i\(number)"), NewEvent(id: "e\(number)", severity: "error"),
            ])
            _ = try child.standardOutput.line(containing: "\"id\":\"e\(number)\"")
        }
        child.signal(SIGINT)
        #expect(try child.waitForExit() == 128 + SIGINT)
        #expect(try ids(child.standardOutput.wholeText()) == ["e0", "e1", "e2"])
    }

    @Test("Over a restart of the server nothing is missing and nothing is repeated")
    func reconnects() throws {
        let folder = try TemporaryFolder()
        let socket = "unix:\(folder.file("s"))"
        var server = try LogbookProcess(in: folder, flags: ["--listen", socket])
        let child = try tail(socket, "--after", "0")
        var expected: [String] = []
        for round in 0..<3 {
            for number in 0..<20 {
                let id = "r\(round)-\(number)"
                expected.append(id)
                try server.store([NewEvent(id: id)])
            }
            _ = try child.standardOutput.line(containing: "\"id\":\"r\(round)-19\"")
            // Once in order, and then like a power cut.
            if round == 0 { try server.stop() } else { server.kill() }
            server = try LogbookProcess(in: folder, flags: ["--listen", socket])
        }
        expected.append("last")
        try server.store([NewEvent(id: "last")])
        _ = try child.standardOutput.line(containing: "\"id\":\"last\"")
        child.signal(SIGTERM)
        _ = try child.waitForExit()
        #expect(try ids(child.standardOutput.wholeText()) == expected)
        #expect(child.standardError.text.contains("reconnecting"))
    }

    @Test("--tail begins with the past, and --count ends it")
    func past() throws {
        let server = try LogbookProcess()
        try server.store(
            (0..<5).map { NewEvent(id: "p\($0)", createdAt: "2026-11-2\($0)T00:00:00Z") })
        let child = try tail(server.url, "--tail", "3", "--count", "5")
        // Its past events are printed once it follows.
        _ = try child.standardOutput.line(containing: "\"id\":\"p4\"")
        try server.store((0..<5).map { NewEvent(id: "n\($0)") })
        #expect(try child.waitForExit() == 0)
        #expect(try ids(child.standardOutput.wholeText()) == ["p2", "p3", "p4", "n0", "n1"])
    }

    @Test("Every format is written line by line", arguments: ["table", "csv", "yaml"])
    func formats(_ format: String) throws {
        let server = try LogbookProcess()
        try server.store([NewEvent(id: "a", title: "First"), NewEvent(id: "b", title: "Second")])
        let run = try LogbookCommand.output(
            "events", "list", "-f", "--server", server.url, "--after", "0", "--count", "2",
            "--format",
            format)
        let lines = run.split { $0.isNewline }
        switch format {
        case "table":
            #expect(lines.count == 3)
            #expect(lines[0].hasPrefix("LAST SEEN"))
            #expect(lines[2].hasSuffix("Second"))
        case "csv":
            #expect(lines.count == 3)
            #expect(lines[2].hasPrefix("b,cluster"))
        default:
            #expect(run.hasPrefix("- id: a\n  event_type: cluster\n"))
            #expect(run.contains("\n- id: b\n"))
        }
    }

    @Test("Events that retention removed meanwhile are reported")
    func reset() throws {
        let server = try LogbookProcess()
        try server.store((0..<5).map { NewEvent(id: "e\($0)") })
        for number in 0..<4 { try server.exchange("DELETE", "/events/e\(number)") }
        let child = try tail(server.url, "--after", "1", "--count", "1")
        #expect(try child.waitForExit() == 0)
        #expect(try ids(child.standardOutput.wholeText()) == ["e4"])
        #expect(try child.standardError.wholeText().contains("events were removed"))
    }

    @Test("What the server refuses ends it")
    func refused() throws {
        let server = try LogbookProcess()
        let run = try LogbookCommand.run(
            "events", "list", "--watch", "--server", server.url, "--severity", "bad")
        #expect(run.status == 64)
        #expect(run.errors.contains("--severity"), "\(run.errors)")
    }
}
