import Events
import Foundation
import Logging
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("SQLiteReader")
struct EventReaderTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
        try makeLatest(path)
    }

    /// The page of `parameters` after `cursor`, and the cursor of the next one, as a route reads
    /// it.
    private static func page(
        _ reader: SQLiteReader, _ parameters: [(String, String)], cursor: String?
    ) throws -> (seqs: [Int64], next: String?) {
        let query = try query(parameters, cursor: cursor)
        var seqs: [Int64] = []
        var last: EventQuery.Position?
        var hasMore = false
        try reader.page(query, budget: .seconds(60)) { view in
            guard seqs.count < query.limit else {
                hasMore = true
                return true
            }
            seqs.append(view.seq)
            last = EventQuery.Position(
                createdAt: String(decoding: view[.createdAt]!, as: UTF8.self), seq: view.seq)
            return true
        }
        return (seqs, hasMore ? last.map(query.cursor(after:)) : nil)
    }

    // MARK: Pages

    @Test("All pages of every combination are what a model in Swift says", arguments: UInt64(1)...3)
    func model(seed: UInt64) throws {
        // The search index has none of them, half, or all.
        let indexed = Int(seed - 1) * 1_000
        let model = try PageModel(filling: path, count: 2_000, indexed: indexed, seed: seed)
        let reader = try makeReader(path)
        var generator = SeededGenerator(seed: seed)
        var found = 0
        for shape in PageShape.all {
            // Values of an existing event, so that something is found.
            let example = model.rows.filter { row in
                shape.filtered.allSatisfy { row.fields[$0] != nil }
            }.randomElement(using: &generator)!
            let filters = example.fields.filter { shape.filtered.contains($0.key) }
            let place = Int.random(in: 0..<30, using: &generator)
            let (since, until) = (
                PageModel.time(place / 2), PageModel.time(15 + place / 2)
            )
            let wanted = model.seqs(
                filters, since: shape.hasSince ? since : nil, until: shape.hasUntil ? until : nil,
                ascending: shape.ascending)
            let smallest = max(1, wanted.count / 12)
            let limit = Int.random(in: smallest...(smallest * 2), using: &generator)
            let parameters = shape.parameters(filters, since: since, until: until, limit: limit)
            var seqs: [Int64] = []
            var cursor: String?
            var pages = 0
            repeat {
                let page = try Self.page(reader, parameters, cursor: cursor)
                #expect(page.next == nil || page.seqs.count == limit)
                seqs += page.seqs
                cursor = page.next
                pages += 1
            } while cursor != nil && pages <= wanted.count
            #expect(seqs == wanted, "\(shape.testDescription), \(limit) a page")
            #expect(pages == max(1, (wanted.count + limit - 1) / limit))
            found += wanted.count
        }
        #expect(found > 20_000)
    }

    @Test("A page of one event leads through a millisecond that many share")
    func oneByOne() throws {
        let model = try PageModel(filling: path, count: 300, seed: 9)
        let reader = try makeReader(path)
        for order in ["asc", "desc"] {
            var seqs: [Int64] = []
            var cursor: String?
            repeat {
                let page = try Self.page(
                    reader, [("order", order), ("limit", "1")], cursor: cursor)
                seqs += page.seqs
                cursor = page.next
            } while cursor != nil && seqs.count <= model.rows.count
            #expect(seqs == model.seqs([:], since: nil, until: nil, ascending: order == "asc"))
        }
    }

    @Test("One event more than the limit is lent, no more")
    func surplus() throws {
        _ = try PageModel(filling: path, count: 100, seed: 2)
        let reader = try makeReader(path)
        for limit in [1, 50, 89, 90, 91, 92, 1000] {
            var lent = 0
            try reader.page(query([("limit", String(limit))]), budget: .seconds(60)) { _ in
                lent += 1
                return true
            }
            // Every eleventh of 100 is gone.
            #expect(lent == min(limit + 1, 91))
        }
    }

    @Test("The surplus may lie in the cursor's moment or beyond it")
    func surplusBehindCursor() throws {
        let model = try PageModel(filling: path, count: 400, seed: 3)
        let reader = try makeReader(path)
        let all = model.seqs([:], since: nil, until: nil, ascending: false)
        let times = Dictionary(uniqueKeysWithValues: model.rows.map { ($0.seq, $0.createdAt) })
        for start in stride(from: 0, to: all.count, by: 7) {
            for limit in [1, 5, 20] {
                let position = EventQuery.Position(createdAt: times[all[start]]!, seq: all[start])
                let parameters = [("limit", String(limit))]
                let cursor = try query(parameters).cursor(after: position)
                var lent: [Int64] = []
                try reader.page(query(parameters, cursor: cursor), budget: .seconds(60)) { view in
                    lent.append(view.seq)
                    return true
                }
                #expect(lent == Array(all.dropFirst(start + 1).prefix(limit + 1)))
            }
        }
    }

    @Test("A page ends when its reader has enough")
    func endsEarly() throws {
        _ = try PageModel(filling: path, count: 100, seed: 2)
        let reader = try makeReader(path)
        let first = try query([])
        let cursor = first.cursor(after: .init(createdAt: PageModel.time(29), seq: .max))
        for query in [first, try query([], cursor: cursor)] {
            var lent = 0
            try reader.page(query, budget: .seconds(60)) { _ in
                lent += 1
                return lent < 3
            }
            #expect(lent == 3)
        }
    }

    @Test("Walking pages while others insert and delete shows all that stays, once")
    func walkingWhileChanging() throws {
        let model = try PageModel(filling: path, count: 1_000, seed: 5)
        let writer = try Connection(path, .readWrite)
        try writer.execute("PRAGMA journal_mode=WAL")
        let reader = try makeReader(path)
        for order in ["desc", "asc"] {
            var seqs: [Int64] = []
            var deleted: Set<Int64> = []
            var cursor: String?
            var step: Int64 = 0
            let present = try Set(reader.allSeqs())
            repeat {
                let page = try Self.page(
                    reader, [("order", order), ("limit", "37")], cursor: cursor)
                seqs += page.seqs
                cursor = page.next
                step += 1
                // A shown one and one that may not have been shown; new ones at every moment.
                for seq in [page.seqs.last ?? 0, step * 29] {
                    try writer.execute("DELETE FROM events WHERE seq = \(seq)")
                    deleted.insert(seq)
                }
                for index in 0..<30 {
                    try writer.execute(
                        """
                        INSERT INTO events (received_at, id, event_type, severity, title, created_at)
                        VALUES (0, '\(order)-\(step)-\(index)', 'a', 'info', 't', '\(PageModel.time(index))')
                        """)
                }
            } while cursor != nil && step < 200
            #expect(cursor == nil)
            #expect(Set(seqs).count == seqs.count)
            #expect(present.subtracting(deleted).isSubset(of: seqs))
        }
        #expect(model.rows.count > 900)
    }

    @Test("A page that takes longer than its budget stops; the next one has its own")
    func budget() throws {
        _ = try PageModel(filling: path, count: 2_000, seed: 6)
        let reader = try makeReader(path)
        let large = try query([("limit", "1000")])
        for _ in 1...3 {
            var lent = 0
            #expect(throws: StoreError.timeLimit) {
                try reader.page(large, budget: .zero) { _ in
                    lent += 1
                    return true
                }
            }
            #expect(lent < 1_000)
            #expect(try reader.allSeqs().count == 1_001)
            #expect(try reader.json("id-5") != nil)
        }
        // No event matches, yet the whole index is walked.
        let barren = try query([("severity", "info"), ("event_type", "none")])
        #expect(throws: StoreError.timeLimit) {
            try reader.page(barren, budget: .zero) { _ in true }
        }
        try reader.page(barren, budget: .seconds(60)) { _ in
            Issue.record("nothing matches")
            return true
        }
    }

    @Test("More shapes of query than are kept prepared work as well")
    func manyShapes() throws {
        let model = try PageModel(filling: path, count: 200, seed: 7)
        let reader = try makeReader(path)
        for _ in 1...2 {
            for shape in PageShape.all where shape.filtered.count < 2 {
                let parameters = shape.parameters(
                    [:], since: PageModel.time(0), until: PageModel.time(29), limit: 500)
                let wanted =
                    shape.filtered.isEmpty
                    ? model.seqs(
                        [:], since: nil, until: shape.hasUntil ? PageModel.time(29) : nil,
                        ascending: shape.ascending)
                    : []
                // A severity must be valid; no row has the type or kind "none".
                guard shape.filtered != [.severity] else { continue }
                #expect(try Self.page(reader, parameters, cursor: nil).seqs == wanted)
            }
        }
    }

    // MARK: One event

    @Test("An event is found by its id, and nothing by another")
    func get() async throws {
        let store = try TestStore()
        let event = try event([
            "id": "it", "description": "", "metadata": ["a": [1, 2]], "title": "a\u{0}b\n",
            "object_name": "é😀",
        ])
        let receipt = try await store.repository.append([event]).get()[0].receipt
        let reader = try store.repository.makeReader()
        #expect(try reader.json("it") == rendered(event, try #require(receipt)))
        for other in ["", "It", "it ", "i", "it\u{0}", "%", "'"] {
            #expect(try reader.json(other) == nil)
        }
    }

    @Test("A reader sees what is committed after it was made")
    func fresh() async throws {
        let store = try TestStore()
        let reader = try store.repository.makeReader()
        #expect(try reader.allSeqs() == [])
        _ = await store.repository.append([try event(["id": "a"])])
        #expect(try reader.json("a") != nil)
        #expect(try reader.allSeqs() == [1])
        _ = await store.repository.delete("a")
        #expect(try reader.json("a") == nil)
    }

    // MARK: Trouble

    @Test("A file that contradicts itself is damaged, not empty")
    func damaged() throws {
        _ = try PageModel(filling: path, count: 2_000, seed: 8)
        let url = URL(filePath: path)
        var bytes = try Data(contentsOf: url)
        bytes.replaceSubrange(4096..., with: Data(repeating: 0xA5, count: bytes.count - 4096))
        try bytes.write(to: url)
        let log = LogRecorder()
        let reads = OpenReads()
        let reader = try SQLiteReader(path: path, logger: log.logger, reads: reads)
        #expect(!reads.haveFoundDamage)
        #expect(throws: StoreError.damaged) { try reader.json("id-1") }
        #expect(reads.haveFoundDamage)
        #expect(throws: StoreError.damaged) {
            try reader.page(query([]), budget: .seconds(1)) { _ in true }
        }
        #expect(log.lines.map(\.level) == [.error, .error])
        #expect(log.messages.allSatisfy { $0.contains("malformed") })
    }

    @Test("A file that another program keeps locked is unavailable, and passes")
    func locked() throws {
        let reader = try makeReader(path)
        let other = try Connection(path, .readWrite)
        try other.execute("BEGIN EXCLUSIVE")
        let reason = StoreError.unavailable("the database cannot be read at the moment")
        #expect(throws: reason) { try reader.json("id-1") }
        try other.execute("COMMIT")
        #expect(try reader.json("id-1") == nil)
    }
}
