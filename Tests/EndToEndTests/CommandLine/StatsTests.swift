import Foundation
import Testing

@Suite("events stats")
struct StatsTests {
    private let server: LogbookProcess
    private let range = ["--since", "2026-11-20T10:00:00Z", "--until", "2026-11-20T13:00:00Z"]

    init() throws {
        server = try LogbookProcess()
        try server.store(
            (0..<12).map {
                NewEvent(
                    id: "e\($0)", severity: $0 < 3 ? "error" : "info",
                    objectKind: $0 < 9 ? "Pod" : nil,
                    createdAt: "2026-11-20T1\($0 < 8 ? 0 : 2):30:00Z")
            })
    }

    private func stats(_ arguments: String..., file: Bool = false) throws -> String {
        let source = file ? ["--database", server.database] : ["--server", server.url]
        let run = try Command(
            BuiltProgram.path, ["events", "stats", "--interval", "1h"] + source + range + arguments)
        guard run.status == 0 else { throw HarnessError(run.errors) }
        return run.output
    }

    @Test("A table has a bar for each bucket, and the values of the fields")
    func table() throws {
        let table = try stats("--by", "severity", "--by", "object_kind")
        let lines = table.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[0] == "START                     EVENTS")
        // The largest bar fills the width of 80.
        #expect(
            lines[1] == "2026-11-20T10:00:00.000Z       8  " + String(repeating: "#", count: 46))
        #expect(lines[2] == "2026-11-20T11:00:00.000Z       0")
        #expect(
            lines[3] == "2026-11-20T12:00:00.000Z       4  " + String(repeating: "#", count: 23))
        #expect(lines[4] == "total                         12  in buckets of 1h")
        #expect(lines[6] == "severity")
        #expect(lines[7].hasSuffix(" 9  info") && lines[8].hasSuffix(" 3  error"))
        #expect(lines[10] == "object_kind")
        #expect(lines[11].hasSuffix(" 9  Pod") && lines[12].hasSuffix(" 3  (none)"))
    }

    @Test("JSON is what the server answers, CSV has a row for each bucket, YAML is JSON's")
    func formats() throws {
        let target =
            "/events/stats?since=2026-11-20T10:00:00Z&until=2026-11-20T13:00:00Z&interval=1h&by=severity"
        let json = try stats("--by", "severity", "--format", "json")
        #expect(try json == server.exchange("GET", target).text)
        #expect(
            try stats("--by", "severity", "--format", "csv")
                == "start,total,info,error\r\n2026-11-20T10:00:00.000Z,8,5,3\r\n"
                + "2026-11-20T11:00:00.000Z,0,0,0\r\n2026-11-20T12:00:00.000Z,4,4,0\r\n")
        #expect(
            try stats("--format", "yaml").contains(
                "\ninterval: \"1h\"\ntotal: 12\nbuckets:\n  - start: "))
    }

    @Test(
        "A file counts as the server does", .ofFile(.commands),
        arguments: ["table", "json", "yaml", "csv"])
    func file(_ format: String) throws {
        #expect(
            try stats("--by", "severity,object_kind", "--format", format, file: true)
                == stats("--by", "severity,object_kind", "--format", format))
        #expect(
            try stats("--severity", "error", "--format", format, file: true)
                == stats("--severity", "error", "--format", format))
    }

    @Test(
        "Wrong values are refused with the name of the flag",
        arguments: TestStore.isPostgreSQL ? [false] : [true, false])
    func refused(_ isFile: Bool) throws {
        for (flag, value) in [("--interval", "7h"), ("--by", "title")] {
            let source = isFile ? ["--database", server.database] : ["--server", server.url]
            let run = try Command(BuiltProgram.path, ["events", "stats", flag, value] + source)
            #expect(run.status == 64)
            #expect(run.errors.contains("Error: \(flag) "), "\(run.errors)")
        }
    }
}
