import Foundation
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
}
