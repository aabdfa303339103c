import Foundation
import TestSupport
import Testing

@Suite("events export")
struct ExportTests {
    private let server: LogbookProcess
    private let folder: TemporaryFolder
    private let output: String

    init() throws {
        server = try LogbookProcess()
        folder = server.folder
        output = folder.file("events.ndjson")
        try server.store(
            (0..<2500).map {
                NewEvent(
                    id: "e\($0)", severity: $0 % 2 == 0 ? "info" : "error",
                    title: "Event, no. \($0)",
                    createdAt: "2026-11-20T10:\(10 + $0 % 50):00Z")
            })
    }

    private func content(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    private func names(_ prefix: String) throws -> [String] {
        try folder.contents().keys.filter { $0.hasPrefix(prefix) }.sorted()
    }

    @Test(
        "All that the filters match, as the server's own export has it, from server and file",
        .ofFile(.commands))
    func whole() throws {
        for (format, served) in [("json", "ndjson"), ("csv", "csv")] {
            let target = "\(server.url)/events/export?severity=error&order=asc&format=\(served)"
            let expected = try Command.output("curl", "-sS", target)
            #expect(expected.count > 80_000)
            for source in [["--server", server.url], ["--database", server.database]] {
                let run = try Command(
                    BuiltProgram.path,
                    ["events", "export", "--severity", "error", "--format", format] + source)
                #expect(run.status == 0, "\(run.errors)")
                #expect(run.output == expected)
                #expect(run.errors.isEmpty, "no progress where nobody looks")
                let file = try Command(
                    BuiltProgram.path,
                    [
                        "events", "export", "--severity", "error", "--format", format, "--output",
                        output,
                    ]
                        + source)
                #expect(file.output == "\(output): 1250 events, \(expected.utf8.count) bytes\n")
                #expect(try content(output) == expected)
                #expect(try names("events.") == ["events.ndjson"])
            }
        }
    }

    @Test("After an interruption the same command resumes")
    func resumes() throws {
        let whole = try LogbookCommand.output("events", "export", "--server", server.url)
        // The files left by a run that was killed after its first page, while writing more.
        let client = try server.connect()
        let page = try client.exchange("GET", "/events?order=asc&limit=1000")
        let cursor = try #require(try page.decode(EventList.self).pagination.nextCursor)
        let lines = whole.split(separator: "\n", omittingEmptySubsequences: false)
        let first = lines.prefix(1000).joined(separator: "\n") + "\n"
        // The saved part is not fetched again, or this change would be lost.
        let marked = first.replacingOccurrences(of: "Event, no. ", with: "Event; no. ")
        let subject = "\(server.url) json?order=asc&limit=1000"
        func leave(_ subject: String) throws {
            try (marked + "{\"id\":\"half").write(
                toFile: output + ".unfinished", atomically: true, encoding: .utf8)
            try "\(subject)\n\(cursor)\n\(first.utf8.count)\n1000\n".write(
                toFile: output + ".position", atomically: true, encoding: .utf8)
        }
        try leave(subject)
        let run = try LogbookCommand.run(
            "events", "export", "--server", server.url, "--output", output)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("resuming after 1000 events"), "\(run.errors)")
        #expect(run.output.contains("2500 events"))
        #expect(try content(output) == marked + whole.dropFirst(first.count))
        #expect(try names("events.") == ["events.ndjson"])

        // Another command's position is ignored.
        try leave(subject + "&severity=info")
        let other = try LogbookCommand.run(
            "events", "export", "--server", server.url, "--output", output)
        #expect(other.status == 0, "\(other.errors)")
        #expect(other.errors.isEmpty)
        #expect(try content(output) == whole)
    }

    @Test("A server that starts late is waited for")
    func patience() throws {
        let place = try TemporaryFolder()
        let socket = "unix:\(place.file("s"))"
        let child = try ChildProcess(
            BuiltProgram.path, ["events", "export", "--server", socket, "--output", output])
        _ = try child.standardError.line(containing: "trying again")
        let late = try LogbookProcess(in: place, flags: ["--listen", socket])
        #expect(try child.waitForExit() == 0, "\(child.standardError.text)")
        #expect(try child.standardOutput.wholeText() == "\(output): 0 events, 0 bytes\n")
        withExtendedLifetime(late) {}
    }

    @Test("Progress is shown on a terminal, and does not get into the file")
    func progress() throws {
        let shown = try LogbookCommand.terminal(
            columns: 80, "\"$LOGBOOK\" events export --server \(server.url) --output \(output)")
        #expect(shown.joined().contains(/\d+ events, \d+ %, \d+\/s, \d+:\d\d left/), "\(shown)")
        #expect(try content(output).split(separator: "\n").count == 2500)
    }

    @Test("A file that cannot be written is a failure that names it")
    func unwritable() throws {
        let path = folder.file("none/events.ndjson")
        let run = try LogbookCommand.run(
            "events", "export", "--server", server.url, "--output", path)
        #expect(run.status == 1)
        #expect(run.errors.contains(path), "\(run.errors)")
    }
}
