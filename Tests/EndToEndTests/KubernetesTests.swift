import Foundation
import TestSupport
import Testing

/// Events of real clusters, through the command that people import theirs with.
@Suite("Real Kubernetes events")
struct KubernetesTests {
    private let data = BuiltProgram.repository
        .appendingPathComponent("Tests/Data/kubernetes-events.ndjson").path

    private func imported(_ arguments: String...) throws -> String {
        try Command(BuiltProgram.path, ["events", "import", data] + arguments).output
    }

    @Test("Every one is stored as it was sent, and importing again stores nothing twice")
    func imported() throws {
        let server = try LogbookProcess()
        let first = try imported("--server", server.url)
        #expect(first == "accepted 191, duplicates 9, rejected 0\n")
        let second = try imported("--server", server.url)
        #expect(second == "accepted 0, duplicates 200, rejected 0\n")

        let sent = try imported("--dry-run").split(separator: "\n")
        #expect(sent.count == 200)
        let client = try server.connect()
        for line in sent {
            let wanted = try JSONDecoder().decode(NewEvent.self, from: Data(line.utf8))
            let id = try #require(wanted.id)
            let response = try client.exchange("GET", "/events/\(id)")
            let stored = try response.decode(StoredEvent.self)
            #expect(stored.eventType == wanted.eventType)
            #expect(stored.severity == wanted.severity)
            #expect(stored.title == wanted.title)
            #expect(stored.description == wanted.description)
            #expect(stored.objectKind == wanted.objectKind)
            #expect(stored.objectNamespace == wanted.objectNamespace)
            #expect(stored.objectName == wanted.objectName)
            // The script writes it without white space: the same bytes come back.
            // Nine came through both groups, and their exporter wrote "null" in one of them.
            let text = response.text.replacing(/:"(null)?"/, with: ":null")
            let metadata = try #require(
                line.replacing(/:"(null)?"/, with: ":null")
                    .firstMatch(of: /"metadata":.*,"created_at"/))
            #expect(text.contains(metadata.output), "\(line)")
            if let time = wanted.createdAt {
                let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
                let given = try Self.date(time)
                #expect(try Date(stored.createdAt, strategy: format) == given, "\(time)")
            }
        }
        let walked = try server.walk("limit=33")
        #expect(walked.count == 191)
        #expect(walked.map(\.createdAt) == walked.map(\.createdAt).sorted(by: >))
    }

    /// The date cut to milliseconds, as the service does.
    private static func date(_ text: String) throws -> Date {
        let match = try #require(text.wholeMatch(of: /(.{19})(\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)/))
        let digits = ((match.3 ?? "") + "000").prefix(3)
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return try Date("\(match.1).\(digits)\(match.4)", strategy: format)
    }

    @Test("Filters find what the file holds", arguments: ["info", "warning", "error"])
    func filters(_ severity: String) throws {
        let server = try LogbookProcess()
        _ = try imported("--server", server.url)
        let sent = try imported("--dry-run").split(separator: "\n").map {
            try JSONDecoder().decode(NewEvent.self, from: Data($0.utf8))
        }
        let wanted = sent.filter { $0.severity == severity }
        #expect(!wanted.isEmpty)
        let found = try server.walk("severity=\(severity)&limit=20")
        #expect(Set(found.map(\.id)) == Set(wanted.compactMap(\.id)))
        for namespace in Set(wanted.compactMap(\.objectNamespace)) {
            let query = "severity=\(severity)&object_namespace=\(namespace)&limit=1000"
            #expect(
                Set(try server.walk(query).map(\.id))
                    == Set(wanted.filter { $0.objectNamespace == namespace }.compactMap(\.id)))
        }
    }

    // MARK: Folding

    /// What all revisions of Tests/Data/kubernetes-revisions.ndjson amount to.
    private static func expectWhole(_ server: LogbookProcess) throws {
        let groups = try server.exchange("GET", "/events?fold=true&count=exact&limit=1").text
        #expect(groups.contains(#""total":2156"#), "\(groups)")
        let sums = try server.exchange("GET", "/events/stats?occurrences=true").text
        #expect(sums.contains(#""total":49890,"buckets""#), "\(sums.prefix(200))")
    }

    @Test(
        "4,520 revisions fold to 2,156 groups of 49,890 occurrences, whatever brings them, with deletions between, and after an export and an import"
    )
    func folds() throws {
        let file = BuiltProgram.repository
            .appendingPathComponent("Tests/Data/kubernetes-revisions.ndjson").path
        var generator = SeededGenerator(seed: 1)
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            .shuffled(using: &generator)
        func load(_ file: String, _ server: LogbookProcess) throws -> String {
            try Command.output(
                BuiltProgram.path, "events", "import", file, "--server", server.url)
        }
        let server = try LogbookProcess()
        let posted = try server.post("[\(lines.prefix(1000).joined(separator: ","))]")
        #expect(try posted.decode(BatchSummary.self).accepted == 1000)
        #expect(try load(file, server) == "accepted 3520, duplicates 1000, rejected 0\n")
        try Self.expectWhole(server)

        let reasons = "reason=Pulled,FailedScheduling,BackOff"
        let answer = try server.exchange("DELETE", "/events?\(reasons)").text
        let deleted = try #require(
            answer.firstMatch(of: /"deleted":(\d+)/).flatMap { Int($0.1) })
        #expect(deleted > 100)
        #expect(
            try load(file, server)
                == "accepted \(deleted), duplicates \(4520 - deleted), rejected 0\n")
        try Self.expectWhole(server)

        let exported = server.folder.file("exported.ndjson")
        _ = try Command.output(
            BuiltProgram.path, "events", "export", "--output", exported, "--server", server.url)
        let other = try LogbookProcess()
        #expect(try load(exported, other) == "accepted 4520, duplicates 0, rejected 0\n")
        try Self.expectWhole(other)
        #expect(try load(file, other) == "accepted 0, duplicates 4520, rejected 0\n")
    }
}
