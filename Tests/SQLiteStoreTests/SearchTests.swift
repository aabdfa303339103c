import Events
import Foundation
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("Search")
struct SearchTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
        try makeLatest(path)
    }

    /// Inserts an event directly, without the writer.
    private static func insert(
        _ connection: Connection, seq: Int64? = nil, title: String, kind: String = "Pod",
        severity: String = "info", createdAt: String = testMoment.text
    ) throws(SQLiteError) {
        let statement = try connection.prepare(
            """
            INSERT INTO events (received_at, seq, id, event_type, severity, title, object_kind, created_at)
            VALUES (0, ?, lower(hex(randomblob(8))), 'cluster', ?, ?, ?, ?)
            """)
        if let seq { try statement.bind(1, seq) }
        try statement.bind(2, severity)
        try statement.bind(3, title)
        try statement.bind(4, kind)
        try statement.bind(5, createdAt)
        try statement.run()
    }

    private static func fill(_ connection: Connection, _ count: Int = 1_000_000) throws {
        try connection.transaction { () throws(SQLiteError) in
            try index(connection, first: count)
        }
    }

    /// Removes an event from the index and the table, as the writer does.
    private static func delete(_ connection: Connection, seq: Int64) throws {
        try connection.transaction { () throws(SQLiteError) in
            let id = try connection.text("SELECT id FROM events WHERE seq = \(seq)")
            let statements = try EventStatements(connection, try SearchIndex(connection))
            _ = try statements.delete(id: Array((id ?? "").utf8))
        }
    }

    /// The seqs of all pages.
    private static func seqs(
        _ reader: SQLiteReader, _ parameters: [(String, String)], limit: Int = 1000
    ) throws -> [Int64] {
        var all: [Int64] = []
        var cursor: String?
        repeat {
            let query = try query(parameters + [("limit", "\(limit)")], cursor: cursor)
            var page: [(Int64, String)] = []
            try reader.page(query, budget: .seconds(60)) { view in
                page.append((view.seq, String(decoding: view[.createdAt]!, as: UTF8.self)))
                return true
            }
            cursor =
                page.count > limit
                ? query.cursor(after: .init(createdAt: page[limit - 1].1, seq: page[limit - 1].0))
                : nil
            all += page.prefix(limit).map(\.0)
        } while cursor != nil
        return all
    }

    @Test("An event is found when its append returns, and once it is indexed, and not once deleted")
    func complete() async throws {
        let store = try TestStore()
        let reader = try store.repository.makeReader()
        _ = await store.repository.append([
            try event(["id": "a", "title": "One fish"]),
            try event(["id": "b", "title": "Two fish"]),
        ])
        #expect(try Self.seqs(reader, [("q", "fish -one")]) == [2])
        // The indexing job runs when the writer has nothing else to do.
        var indexed = 0
        while indexed < 2 {
            indexed = try Int(rows(store.path, "SELECT indexed_seq FROM search_state")[0])!
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try rows(store.path, "SELECT rowid & 2097151 FROM search('fish')") == ["1", "2"])
        #expect(try Self.seqs(reader, [("q", "fish")]) == [2, 1])
        #expect(await store.repository.delete("a") == .success(true))
        #expect(try Self.seqs(reader, [("q", "fish")]) == [2])
        #expect(try rows(store.path, "SELECT rowid & 2097151 FROM search('fish')") == ["2"])
        #expect(try rows(store.path, "SELECT rowid FROM search('one')") == [])
    }

    @Test("What is found is what looking at every event finds", arguments: UInt64(1)...4)
    func model(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let connection = try Connection(path, .readWrite)
        let words = [
            "pod", "node", "Back-off", "pulling image", "NodeReady", "x", "é", "container",
        ]
        var all: [(seq: Int64, createdAt: String, kind: String, words: Set<String>)] = []
        for seq in Int64(1)...800 {
            let chosen = words.filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }
            let time = PageModel.time(Int.random(in: 0..<30, using: &generator))
            let kind = ["Pod", "Node"].randomElement(using: &generator)!
            try Self.insert(
                connection, title: chosen.joined(separator: " and ") + " event", kind: kind,
                createdAt: time)
            all.append((seq, time, kind, Set(chosen)))
        }
        // In two shares with interleaved times; the rest is not indexed.
        try Self.fill(connection, 300)
        try Self.fill(connection, Int(seed) * 100)
        for seq in Int64(1)...800 where seq % 7 == 0 {
            // Half of them stay in the index, as after a deletion by another program.
            if seq % 2 == 0 {
                try Self.delete(connection, seq: seq)
            } else {
                try connection.execute("DELETE FROM events WHERE seq = \(seq)")
            }
        }
        all.removeAll { $0.seq % 7 == 0 }
        let reader = try makeReader(path)
        let queries: [(q: String, matches: (Set<String>) -> Bool)] = [
            ("pod", { $0.contains("pod") }),
            ("pod node", { $0.contains("pod") && $0.contains("node") || false }),
            ("\"pulling image\" -é", { $0.contains("pulling image") && !$0.contains("é") }),
            ("ready", { $0.contains("NodeReady") }),
            ("cont* back-off", { $0.contains("container") && $0.contains("Back-off") }),
            ("event", { _ in true }), ("nothing", { _ in false }),
        ]
        for (q, matches) in queries {
            for kind in [nil, "Pod"] {
                for order in ["desc", "asc"] {
                    let (since, until) = (PageModel.time(4), PageModel.time(25))
                    let wanted = all.filter { event in
                        // node is a part of NodeReady.
                        let words =
                            event.words.contains("NodeReady") && q != "ready"
                            ? event.words.union(["node"]) : event.words
                        return matches(words) && (kind ?? event.kind) == event.kind
                            && event.createdAt >= since && event.createdAt < until
                    }.sorted { ($0.createdAt, $0.seq) < ($1.createdAt, $1.seq) }.map(\.seq)
                    let parameters =
                        [("q", q), ("order", order), ("since", since), ("until", until)]
                        + (kind.map { [("object_kind", $0)] } ?? [])
                    #expect(
                        try Self.seqs(reader, parameters, limit: 23)
                            == (order == "asc" ? wanted : wanted.reversed()),
                        "\(q) \(kind ?? "") \(order)")
                }
            }
        }
    }

    @Test("Words and numbers that follow each other are found however they are written")
    func pairs() throws {
        var generator = SeededGenerator(seed: 1)
        let connection = try Connection(path, .readWrite)
        let words = [
            "nginx", "7", "12", "0", "007", "1234", "v2", "HTTPServer", "7Up", "é", "Node7",
        ]
        func text(_ count: Int, separators: [String]) -> String {
            (0..<count).map { _ in
                words.randomElement(using: &generator)! + separators.randomElement(
                    using: &generator)!
            }.joined()
        }
        for _ in 0..<600 {
            let title = text(
                .random(in: 1...8, using: &generator), separators: ["-", ".", " ", "/"])
            try Self.insert(connection, title: title)
        }
        let queries = (0..<200).map { _ in
            let terms = (0..<Int.random(in: 1...2, using: &generator)).map { _ in
                "\"" + text(.random(in: 1...4, using: &generator), separators: ["-", " "]) + "\""
            }
            return [("q", terms.joined(separator: " "))]
        }
        let reader = try makeReader(path)
        // The index is still empty, so each event is examined.
        let wanted = try queries.map { try Self.seqs(reader, $0) }
        #expect(wanted.filter { !$0.isEmpty }.count > 50)
        try Self.fill(connection)
        for (query, wanted) in zip(queries, wanted) {
            #expect(try Self.seqs(reader, query) == wanted, "\(query)")
        }
    }

    @Test("Events that share a key are each found, and survive each other")
    func sharedKeys() throws {
        let connection = try Connection(path, .readWrite)
        let distance = SearchKey.sequenceMask + 1
        for place in Int64(0)..<3 {
            try Self.insert(connection, seq: 5 + place * distance, title: "fish \(place)")
        }
        try Self.fill(connection)
        let reader = try makeReader(path)
        #expect(
            try Self.seqs(reader, [("q", "fish")], limit: 1)
                == [5 + 2 * distance, 5 + distance, 5])
        #expect(try Self.seqs(reader, [("q", "1")]) == [5 + distance])
        try Self.delete(connection, seq: 5 + distance)
        #expect(try Self.seqs(reader, [("q", "fish"), ("order", "asc")]) == [5, 5 + 2 * distance])
    }

    @Test("Events of times that are none, or far away, are found")
    func oddTimes() throws {
        let connection = try Connection(path, .readWrite)
        for time in [
            "yesterday", "", "1500-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
            "2026-11-23T10:30:45Z", "2026-11-23T10:30:45.123Z", "1969-12-31T23:59:59.999Z",
        ] {
            try Self.insert(connection, title: "fish", createdAt: time)
        }
        let reader = try makeReader(path)
        #expect(Set(try Self.seqs(reader, [("q", "fish")])) == Set(1...7))
        try Self.fill(connection)
        #expect(Set(try Self.seqs(reader, [("q", "fish")], limit: 2)) == Set(1...7))
        #expect(
            try Self.seqs(reader, [("q", "fish"), ("since", "9000-01-01T00:00:00Z")]).contains(4))
        #expect(
            try Self.seqs(
                reader,
                [
                    ("q", "fish"), ("since", "2026-11-23T00:00:00Z"),
                    ("until", "2027-01-01T00:00:00Z"),
                ]
            ).contains(6))
        try Self.delete(connection, seq: 1)
        #expect(Set(try Self.seqs(reader, [("q", "fish")])) == Set(2...7))
    }

    @Test("Without a search index that is near, the events themselves are looked through")
    func farBehind() throws {
        let connection = try Connection(path, .readWrite)
        try Self.insert(connection, title: "fish", severity: "error")
        try Self.insert(connection, seq: 200_000, title: "fish and chips")
        try Self.insert(connection, seq: 200_001, title: "chips")
        let reader = try makeReader(path)
        for indexed in [0, 1, 5] {
            try Self.fill(connection, indexed)
            #expect(try Self.seqs(reader, [("severity", "error"), ("object_kind", "Pod")]) == [1])
            #expect(try Self.seqs(reader, [("q", "fish")], limit: 1) == [200_000, 1])
            #expect(try Self.seqs(reader, [("q", "fi*"), ("severity", "info")]) == [200_000])
        }
    }

    @Test("A prefix of many words is found as well as one of few")
    func prefixes() throws {
        let connection = try Connection(path, .readWrite)
        let many = SearchPlan.mostChoices + 1
        for index in 1...many { try Self.insert(connection, title: "many\(index) x\(index % 2)") }
        try Self.fill(connection, many - 1)
        let reader = try makeReader(path)
        #expect(try Self.seqs(reader, [("q", "many*")], limit: 10).count == many)
        #expect(try Self.seqs(reader, [("q", "many* x0")], limit: 10).count == many / 2)
        #expect(
            try Self.seqs(reader, [("q", "many1*")]) == [19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 1])
        #expect(
            try Self.seqs(reader, [("q", "many6*"), ("order", "asc")]) == [
                6, 60, 61, 62, 63, 64, 65,
            ])
        #expect(try Self.seqs(reader, [("q", "money*")]) == [])
    }
}
