import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// Random queries against a model: all ways to ask for the same events return the same.
@Suite("Filters, by all ways to ask")
struct FilterModelTests {
    private static let queries = 150

    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
        try makeLatest(path)
    }

    /// Events of `seed`; the search index has none, some, or all of them.
    private func fill(_ seed: UInt64) throws -> (FilterModel, SQLiteReader) {
        let model = try FilterModel(
            filling: path, count: 700, indexed: Int(seed - 1) * 233, seed: seed)
        return (model, try makeReader(path))
    }

    /// The seqs of all pages.
    private static func walk(
        _ reader: SQLiteReader, _ parameters: [(String, String)], limit: Int
    ) throws -> [Int64] {
        var all: [Int64] = []
        var cursor: String?
        repeat {
            let query = try query(parameters + [("limit", "\(limit)")], cursor: cursor)
            var page: [EventQuery.Position] = []
            try reader.page(query, budget: .seconds(60)) { event in
                let createdAt = String(decoding: event[.createdAt]!, as: UTF8.self)
                page.append(EventQuery.Position(createdAt: createdAt, seq: event.seq))
                return true
            }
            #expect(page.count <= limit + 1)
            all += page.prefix(limit).map(\.seq)
            cursor = page.count > limit ? query.cursor(after: page[limit - 1]) : nil
        } while cursor != nil
        return all
    }

    @Test(
        "Pages of every size, either way round, are what the model says", arguments: UInt64(1)...4)
    func pages(seed: UInt64) throws {
        let (model, reader) = try fill(seed)
        var random = SeededGenerator(seed: seed)
        var found = 0
        for _ in 0..<Self.queries {
            let asked = FilterModel.query(&random)
            let ascending = Bool.random(using: &random)
            let limit = [1, 3, 20, 1000].randomElement(using: &random)!
            let wanted = model.seqs(asked, ascending: ascending)
            found += wanted.count
            let parameters = asked.parameters + [("order", ascending ? "asc" : "desc")]
            // Many pages of one event each would show no more than some.
            guard wanted.count / limit < 100 else { continue }
            let seqs = try Self.walk(reader, parameters, limit: limit)
            #expect(seqs == wanted, "\(parameters)")
        }
        #expect(found > Self.queries)
    }

    @Test("Offsets and exact counts", arguments: UInt64(1)...4)
    func offsetAndCount(seed: UInt64) throws {
        let (model, reader) = try fill(seed)
        var random = SeededGenerator(seed: seed + 100)
        for _ in 0..<Self.queries {
            let asked = FilterModel.query(&random)
            let wanted = model.seqs(asked, ascending: false)
            let offset = Int.random(in: 0...(wanted.count + 2), using: &random)
            let parameters =
                asked.parameters + [("offset", "\(offset)"), ("limit", "9"), ("count", "exact")]
            var seqs: [Int64] = []
            let total = try reader.page(query(parameters), budget: .seconds(60)) { event in
                seqs.append(event.seq)
                return true
            }
            #expect(seqs == Array(wanted.dropFirst(offset).prefix(10)), "\(parameters)")
            #expect(total == wanted.count, "\(parameters)")
            #expect(
                try reader.count(query(asked.parameters), budget: .seconds(60))
                    == wanted.count)
        }
    }

    @Test("The live tail follows the same events, in the order of seq", arguments: UInt64(1)...4)
    func following(seed: UInt64) throws {
        let (model, reader) = try fill(seed)
        var random = SeededGenerator(seed: seed + 200)
        for _ in 0..<Self.queries {
            let asked = FilterModel.query(&random)
            var seqs: [Int64] = []
            let filter = StreamFilter(try query(asked.parameters))
            try reader.follow(filter, 1...700, budget: .seconds(60)) { event in
                seqs.append(event.seq)
                return true
            }
            #expect(seqs == model.events.filter(asked.admits).map(\.seq), "\(asked.parameters)")
        }
    }

    @Test("Statistics count the same events", arguments: UInt64(1)...4)
    func statistics(seed: UInt64) throws {
        let (model, reader) = try fill(seed)
        var random = SeededGenerator(seed: seed + 400)
        for _ in 0..<Self.queries {
            let asked = FilterModel.query(&random)
            let field = EventField.filterable.randomElement(using: &random)!
            let query = try StatisticsQuery(
                try query(asked.parameters), interval: nil, by: String(describing: field.name),
                occurrences: nil, now: testMoment)
            let found = try reader.statistics(query, budget: .seconds(60)).get()
            var wanted: [[UInt8]?: Int] = [:]
            for event in model.events where asked.admits(event) {
                wanted[event.fields[field].map { Array($0.utf8) }, default: 0] += 1
            }
            #expect(found.events.reduce(0, +) == wanted.values.reduce(0, +), "\(asked.parameters)")
            let counts = found.totals[0].counts.map { ($0.value.map { Array($0.utf8) }, $0.count) }
            #expect(counts.count == wanted.count, "\(asked.parameters)")
            for (value, count) in counts {
                #expect(wanted[value] == count, "\(asked.parameters), by \(field.name)")
            }
        }
    }

    @Test("In memory and in SQL the same is asked", arguments: UInt64(1)...4)
    func inMemory(seed: UInt64) throws {
        let (model, reader) = try fill(seed)
        var random = SeededGenerator(seed: seed + 300)
        for _ in 0..<Self.queries {
            let asked = FilterModel.query(&random)
            let conditions = try query(asked.parameters).conditions
            let matcher = EventMatcher(conditions)
            var seqs: [Int64] = []
            try reader.follow(StreamFilter(query([])), 1...700, budget: .seconds(60)) { event in
                if conditions.admitsFields(event), matcher?.admits(event) ?? true {
                    seqs.append(event.seq)
                }
                return true
            }
            #expect(seqs == model.events.filter(asked.admits).map(\.seq), "\(asked.parameters)")
        }
    }

    @Test("A prefix of more values than the index is asked for, and one of as many")
    func widePrefix() throws {
        let connection = try Connection(path, .readWrite)
        let many = SearchPlan.mostChoices + 1
        try connection.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(3 * many))
            INSERT INTO events (received_at, id, event_type, severity, title, object_name, created_at)
            SELECT 0, i, 'a', 'info', 't', 'Web-' || (i % \(many)), '\(testMoment.text)' FROM n
            """)
        try connection.transaction { () throws(SQLiteError) in
            try index(connection, first: 1000)
        }
        let reader = try makeReader(path)
        func count(_ value: String) throws -> Int {
            let parameters = [("object_name", value), ("severity_min", "info")]
            let seqs = try Self.walk(reader, parameters, limit: 50)
            #expect(try reader.count(query(parameters), budget: .seconds(60)) == seqs.count)
            return seqs.count
        }
        #expect(try count("Web-*") == 3 * many)
        #expect(try count("Web-*,!Web-0") == 3 * (many - 1))
        #expect(try count("Web-1*") == 3 * 11)
        #expect(try count("web-*") == 0)
        try connection.execute("DELETE FROM events WHERE object_name = 'Web-0'")
        #expect(try count("Web-*") == 3 * (many - 1))
    }

    @Test("Asking ends at its time limit, counting included")
    func timeLimit() throws {
        _ = try FilterModel(filling: path, count: 3000, seed: 1)
        let reader = try makeReader(path)
        let none = try query([("metadata.none", "x")])
        #expect(throws: StoreError.timeLimit) {
            try reader.page(none, budget: .nanoseconds(1)) { _ in true }
        }
        #expect(throws: StoreError.timeLimit) {
            _ = try reader.count(none, budget: .nanoseconds(1))
        }
        // The reader works as before.
        #expect(try reader.count(none, budget: .seconds(60)) == 0)
    }
}
