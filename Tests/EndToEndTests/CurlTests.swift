import Foundation
import TestSupport
import Testing

/// The client that people try things with.
@Suite("curl")
struct CurlTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    /// Runs curl, and returns the status and the body.
    private func curl(_ arguments: [String]) throws -> (status: Int, body: String) {
        let command = try Command(
            "curl",
            ["-sS", "--noproxy", "*", "--max-time", "\(Patience.seconds)", "-w", "\n%{http_code}"]
                + arguments)
        guard command.status == 0 else {
            throw HarnessError("curl exited with \(command.status): \(command.errors)")
        }
        let lines = command.output.components(separatedBy: "\n")
        return (Int(lines[lines.count - 1]) ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    @Test("curl -d, which says that the body is a form, stores an event")
    func data() throws {
        let stored = try curl(["-d", NewEvent(id: "form").json, "\(server.url)/events"])
        #expect(stored.status == 201)
        let read = try curl(["\(server.url)/events/form"])
        #expect(read.status == 200)
        #expect(read.body == stored.body)
    }

    @Test("curl --json, --data-binary from a file and -T with chunks store arrays")
    func files() throws {
        let file = server.folder.file("events.json")
        for (number, arguments) in [
            ["--json", "@\(file)"], ["--data-binary", "@\(file)"],
            ["-T", file, "-X", "POST", "-H", "Transfer-Encoding: chunked"],
            ["--data-binary", "@\(file)", "-H", "Content-Type:", "-H", "Expect: 100-continue"],
        ].enumerated() {
            // A body so large that curl sends Expect: 100-continue.
            let events = (0..<2_000).map {
                NewEvent(id: "\(number)-\($0)", description: String(repeating: "d", count: 700))
            }
            let text = "[\n\(events.map(\.json).joined(separator: ",\n"))\n]\n"
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let stored = try curl(arguments + ["\(server.url)/events"])
            #expect(stored.status == 200, "\(arguments): \(stored.body)")
            #expect(stored.body.contains("\"accepted\":2000,"), "\(arguments)")
        }
        #expect(try server.walk("limit=1000").count == 8_000)
    }

    @Test("curl -I, -X OPTIONS and -X DELETE")
    func methods() throws {
        try server.store([NewEvent(id: "e")])
        let head = try curl(["-I", "\(server.url)/events/e"])
        #expect(head.status == 200)
        #expect(head.body.contains("HTTP/1.1 200 OK\r\n"))
        let options = try curl(["-i", "-X", "OPTIONS", "\(server.url)/events"])
        #expect(options.status == 204)
        #expect(options.body.contains("Allow: "))
        #expect(try curl(["-X", "DELETE", "\(server.url)/events/e"]).status == 204)
        #expect(try curl(["\(server.url)/events/e"]).status == 404)
    }

    @Test("curl -0 speaks HTTP/1.0, and several URLs share a connection")
    func connections() throws {
        #expect(try curl(["-0", "\(server.url)/healthz"]).status == 200)
        let one = "\(server.url)/schema/version"
        let command = try Command(
            "curl", ["-sS", "--noproxy", "*", "-w", "%{num_connects} ", one, one, one])
        let body = #"{"version":2,"latest":2,"status":"ready"}"# + "\n"
        #expect(command.output == "\(body)1 \(body)0 \(body)0 ")
    }

    @Test("Filters are given as people type them")
    func filters() throws {
        try server.store([
            NewEvent(id: "a", objectName: "a b+c&d=é", createdAt: "2026-01-01T00:00:00Z"),
            NewEvent(id: "b", objectName: "other", createdAt: "2026-01-02T00:00:00Z"),
        ])
        let found = try curl([
            "-G", "\(server.url)/events", "--data-urlencode", "object_name=a b+c&d=é",
            "--data-urlencode", "until=2026-01-02T01:00:00+01:00",
        ])
        #expect(found.status == 200)
        let list = try JSONDecoder().decode(EventList.self, from: Data(found.body.utf8))
        #expect(list.events.map(\.id) == ["a"])
        // An unencoded `+` arrives as a space.
        let unencoded = try curl(["\(server.url)/events?since=2026-01-02T01:00:00+01:00"])
        #expect(unencoded.status == 200)
        #expect(unencoded.body.contains("\"id\":\"b\""))
        #expect(!unencoded.body.contains("\"id\":\"a\""))
    }
}
