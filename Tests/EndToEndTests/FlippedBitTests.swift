import Foundation
import Testing

/// One bit of the database file changes by itself: what is answered then is right, or an error.
@Suite("A flipped bit")
struct FlippedBitTests {
    /// Places all over the file, beside one in a page of each kind.
    private static let places = Rounds.number("FLIPPED_BITS", default: 60)
    private static let pageBytes = 4096

    /// A file of a few thousand events, and all that can be asked of it with the answers.
    private struct Template {
        let folder: TemporaryFolder
        var path: String { folder.file("logbook.db") }
        var answers: [(target: String, body: [UInt8])] = []
        /// Bits to flip, and the kind of page that each is in; nil where it is anywhere.
        var places: [(bit: Int, kind: String?)] = []
        /// All of it.
        var export = ""
        /// Pages that are not free.
        var usedPages: Set<Int> = []
    }

    /// Every index is walked from end to end by some of them.
    private static let queries =
        ["", "q=needle", "object_name=object-7", "severity=critical&object_kind=Node"]
        + severities.map { "severity=\($0)" } + kinds.map { "object_kind=\($0)" }
        + (["cluster"] + (0..<7).map { "type-\($0)" }).map { "event_type=\($0)" }
        + (0..<9).map { "object_namespace=ns-\($0)" }
        + stride(from: 0, to: 3_000, by: 20).map {
            "object_kind=\(kinds[$0 % 3])&object_namespace=ns-\($0 % 9)&object_name=object-\($0 % 300)"
        }
    private static let severities = ["info", "warning", "error", "critical"]
    private static let kinds = ["Pod", "Node", "Job"]

    private static let template = Result<Template, any Error> {
        var template = Template(folder: try TemporaryFolder())
        let server = try LogbookProcess(in: template.folder)
        for start in stride(from: 0, to: 3_000, by: 500) {
            try server.store((start..<start + 500).map(event))
        }
        try server.stop()
        let again = try LogbookProcess(in: template.folder)
        for query in queries { try walk(query, again, &template) }
        for number in stride(from: 0, to: 3_000, by: 20) {
            try ask("/events/id-\(number)", client: again.connect(), &template)
        }
        template.export = try Command.output("curl", "-sS", again.url + "/events/export?order=asc")
        try again.stop()
        template.places = try places(template.path)
        let used = try Command.sqlite(template.path, "SELECT pageno FROM dbstat")
        template.usedPages = Set(used.compactMap { Int($0) })
        return template
    }

    /// Some are so long that they have pages of their own.
    private static func event(_ number: Int) -> NewEvent {
        NewEvent(
            id: "id-\(number)", eventType: number % 5 == 0 ? "cluster" : "type-\(number % 7)",
            severity: severities[number % 4],
            title: number % 50 == 0 ? "needle \(number)" : "Title \(number)",
            description: String(repeating: "word-\(number) ", count: number % 100 == 0 ? 900 : 12),
            objectKind: kinds[number % 3], objectNamespace: "ns-\(number % 9)",
            objectName: "object-\(number % 300)",
            createdAt: "2026-01-01T00:00:\(String(format: "%02d", number % 60))Z")
    }

    @discardableResult
    private static func ask(
        _ target: String, client: RawClient, _ template: inout Template
    ) throws -> RawResponse {
        let answer = try client.exchange("GET", target)
        guard answer.status == 200 else { throw HarnessError("\(target): \(answer.text)") }
        template.answers.append((target, events(answer.body)))
        return answer
    }

    /// The answer without its cursor, which has the time of the walk in it.
    private static func events(_ body: [UInt8]) -> [UInt8] {
        let end = Array("\"next_cursor\"".utf8)
        let tail = max(0, body.count - 400)
        return Array(body[..<(body[tail...].firstRange(of: end)?.lowerBound ?? body.count)])
    }

    private static func walk(
        _ query: String, _ server: LogbookProcess, _ template: inout Template
    ) throws {
        var target: String? = "/events?limit=1000&\(query)"
        let client = try server.connect()
        while let page = target {
            let list = try ask(page, client: client, &template).decode(EventList.self)
            target = list.pagination.nextCursor.map {
                "/events?limit=1000&\(query)&cursor=\($0)"
            }
        }
    }

    /// A bit in a page of each kind of each table and index, and bits anywhere.
    private static func places(_ path: String) throws -> [(Int, String?)] {
        var generator = SeededGenerator(seed: 4)
        let pageBits = pageBytes * 8
        let kinds = try Command.sqlite(
            path, "SELECT name, pagetype, max(pageno) FROM dbstat GROUP BY name, pagetype")
        let ofKinds: [(Int, String?)] = kinds.map { line in
            let columns = line.split(separator: "|")
            let page = Int(columns[2])! - 1
            return (
                page * pageBits + .random(in: 0..<pageBits, using: &generator),
                "\(columns[0]) \(columns[1])"
            )
        }
        let bits = try Data(contentsOf: URL(filePath: path)).count * 8
        return ofKinds
            + (0..<places).map { _ in (.random(in: 0..<bits, using: &generator), nil) }
    }

    private func flip(_ bit: Int, in path: String) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: UInt64(bit / 8))
        let byte = try file.read(upToCount: 1)![0]
        try file.seek(toOffset: UInt64(bit / 8))
        try file.write(contentsOf: Data([byte ^ 1 << UInt8(bit % 8)]))
        try file.close()
    }

    private func copy(_ template: Template) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: template.path, toPath: folder.file("logbook.db"))
        return folder
    }

    // MARK: While it runs

    @Test("Under a running server: every answer is right or an error, and health turns red")
    func running() throws {
        let template = try Self.template.get()
        var found = 0
        var server: LogbookProcess?
        var folder: TemporaryFolder?
        for (bit, kind) in template.places {
            // Where the last flip was found, and where it may be in a cache, another begins.
            folder = try copy(template)
            server = try LogbookProcess(in: folder)
            try flip(bit, in: server!.database)
            let errors = try askAll(server!, template, "bit \(bit) \(kind ?? "")")
            if errors > 0 {
                found += 1
                try expectRed(server!, "bit \(bit) \(kind ?? "")")
            }
            // Of the index of objects only a part is walked.
            if let kind, !kind.hasPrefix("idx_events_object"),
                kind.hasPrefix("events ") || kind.hasPrefix("idx_")
            {
                #expect(errors > 0, "\(kind), bit \(bit)")
            }
        }
        withExtendedLifetime(server) {}
        #expect(found > template.places.count * 2 / 3)
    }

    /// Asks for everything; returns how many errors came.
    private func askAll(
        _ server: LogbookProcess, _ template: Template, _ place: String
    ) throws -> Int {
        let client = try server.connect()
        var errors = 0
        for (target, body) in template.answers {
            let answer = try client.exchange("GET", target)
            if answer.status == 200 {
                // Not in the macro, which would print it all.
                let isRight = Self.events(answer.body) == body
                #expect(isRight, "\(place): \(target)")
            } else {
                #expect(answer.status == 500, "\(place): \(target): \(answer.text)")
                errors += 1
            }
        }
        return errors
    }

    private func expectRed(_ server: LogbookProcess, _ place: String) throws {
        let ready = try server.exchange("GET", "/readyz")
        #expect(ready.status == 503, "\(place)")
        #expect(ready.text.contains("damaged"), "\(place)")
        try server.logLine(containing: "does not match its checksum")
        #expect(try server.post(NewEvent(id: "new").json).status == 503, "\(place)")
        try expectNoFalseBackup(server, place)
        try expectNoFalseExport(server, place)
    }

    /// There is none, unless the writer had read the page before it was damaged.
    private func expectNoFalseBackup(_ server: LogbookProcess, _ place: String) throws {
        let copy = server.folder.file("copy.db")
        let backup = try Command(
            BuiltProgram.path, ["backup", "--server", server.url, "--output", copy])
        guard backup.status == 0 else {
            #expect(backup.errors.contains("500"), "\(place): \(backup.errors)")
            return
        }
        let check = try Command(BuiltProgram.path, ["check", "--database", copy])
        #expect(check.status == 0, "\(place): \(check.output)")
        #expect(check.output.contains(" 3000 events"), "\(place): \(check.output)")
    }

    /// It is refused, breaks off where it comes to the page, or does not need the page.
    private func expectNoFalseExport(_ server: LogbookProcess, _ place: String) throws {
        let export = try Command(
            "curl", ["-sS", "--fail-with-body", server.url + "/events/export?order=asc"])
        if export.status == 0 {
            let isRight = try Self.template.get().export == export.output
            #expect(isRight, "\(place)")
        }
    }

    // MARK: Before it starts

    @Test("Before it starts: refused, or served as it was")
    func stopped() throws {
        let template = try Self.template.get()
        var refused = 0
        let places = template.places.enumerated().filter { $0.offset.isMultiple(of: 4) }
        for (bit, kind) in places.map(\.element) {
            let folder = try copy(template)
            try flip(bit, in: folder.file("logbook.db"))
            let check = try Command(
                BuiltProgram.path, ["check", "--database", folder.file("logbook.db")])
            let page = bit / 8 / Self.pageBytes + 1
            let place = "bit \(bit) \(kind ?? "")"
            #expect(check.status == 1, "\(place): \(check.errors)")
            #expect(check.output.contains("page \(page) "), "\(place): \(check.output)")
            guard template.usedPages.contains(page) else { continue }
            let serve = try Command(
                BuiltProgram.path,
                ["serve", "--listen", "127.0.0.1:0", "--database", folder.file("logbook.db")])
            #expect(serve.status == 3, "\(place)")
            #expect(serve.errors.contains("is damaged"), "\(place): \(serve.errors)")
            refused += 1
        }
        #expect(refused > places.count * 2 / 3)
    }
}
