import Events
import SQLite
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

/// Statistics compared with the same counts in Swift, over rows that `PageModel` makes: few values,
/// null among them, and two events in each minute.
@Suite("Statistics of events")
struct EventStatisticsTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
        try makeLatest(path)
    }

    private func statistics(
        _ reader: SQLiteReader, _ parameters: [(String, String)], by fields: [StatisticsField] = [],
        interval: String? = nil, occurrences: String? = nil
    ) throws -> Result<EventStatistics, QueryError> {
        let names = fields.map(\.name).joined(separator: ",")
        return try reader.statistics(
            try StatisticsQuery(
                try query(parameters), interval: interval, by: fields.isEmpty ? nil : names,
                occurrences: occurrences, now: testMoment), budget: .seconds(60))
    }

    @Test(
        "Every combination of filters and fields is what a model in Swift says",
        arguments: UInt64(1)...2)
    func model(seed: UInt64) throws {
        let model = try PageModel(filling: path, count: 1_000, seed: seed)
        let reader = try makeReader(path)
        var generator = SeededGenerator(seed: seed)
        for shape in PageShape.all where shape.ascending {
            let example = model.rows.filter { row in
                shape.filtered.allSatisfy { row.fields[$0] != nil }
            }.randomElement(using: &generator)!
            let filters = example.fields.filter { shape.filtered.contains($0.key) }
            let (since, until) = (PageModel.time(3), PageModel.time(27))
            let parameters = shape.parameters(filters, since: since, until: until, limit: 1)
            let all = EventField.filterable.map(StatisticsField.field) + [.object]
            let fields = all.shuffled(using: &generator).prefix(
                Int.random(in: 0...5, using: &generator))
            let found = try statistics(reader, parameters, by: Array(fields), interval: "1m").get()
            let rows = model.rows.filter { row in
                filters.allSatisfy { row.fields[$0.key] == $0.value }
                    && (!shape.hasSince || row.createdAt >= since)
                    && (!shape.hasUntil || row.createdAt < until)
            }
            try check(found, rows, Array(fields))
            #expect(found.buckets.since.text == (shape.hasSince ? since : PageModel.time(0)))
            #expect(found.buckets.until.text == (shape.hasUntil ? until : testMoment.text))
        }
    }

    private func check(
        _ found: EventStatistics, _ rows: [PageRow], _ fields: [StatisticsField]
    ) throws {
        func value(_ row: PageRow, _ field: StatisticsField) -> String? {
            let parts = field.fields.map { row.fields[$0] }
            guard parts.contains(where: { $0 != nil }) else { return nil }
            return parts.map { $0 ?? "" }.joined(separator: "/")
        }
        func count(_ rows: [PageRow], _ field: StatisticsField, _ wanted: String?) -> Int {
            rows.count { value($0, field) == wanted }
        }
        #expect(found.totals.map(\.field) == fields)
        for (field, counts) in found.totals {
            let values = Set(rows.map { value($0, field) })
            #expect(values.isSuperset(of: counts.map(\.value)))
            #expect(counts.count == min(values.count, EventStatistics.maxValues))
            for entry in counts { #expect(entry.count == count(rows, field, entry.value)) }
            #expect(counts.map(\.count) == counts.map(\.count).sorted(by: >))
        }
        for bucket in 0..<found.buckets.count {
            let bounds = found.buckets.bounds(bucket)
            let inside = rows.filter { $0.createdAt >= bounds.since && $0.createdAt < bounds.until }
            #expect(found.events[bucket] == inside.count)
            guard let first = found.totals.first else { continue }
            #expect(
                found.series[bucket] == first.counts.map { count(inside, first.field, $0.value) })
        }
        #expect(found.events.reduce(0, +) == rows.count)
    }

    @Test("The 20 most frequent of many values are returned, in each bucket too")
    func manyValues() throws {
        // Value n has n events, all in one minute.
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400),
              pair(n, m) AS (SELECT n, 1 FROM n UNION ALL SELECT n, m + 1 FROM pair WHERE m < n)
            INSERT INTO events (received_at, id, event_type, severity, title, object_kind, object_name, created_at)
            SELECT 0, n || '-' || m, 'a', 'info', 't', 'kind-' || n, nullif('name-' || n, 'name-390'),
              '2026-11-22T10:' || (10 + n % 3) || ':00.000Z' FROM pair
            """)
        let reader = try makeReader(path)
        // The minutes of a day have too many counts for one walk.
        #expect(400 * Buckets.maxCount > ValueTally.maxCells)
        for range in [("until", "2026-11-22T10:13:00Z"), ("until", "2026-11-23T10:10:00Z")] {
            for field in [StatisticsField.field(.objectName), .field(.objectKind), .object] {
                for filters in [[range], [range, ("event_type", "a")]] {
                    let found = try statistics(reader, filters, by: [field], interval: "1m").get()
                    let counts = try #require(found.totals.first).counts
                    #expect(counts.map(\.count) == (381...400).reversed())
                    #expect(counts[0].value?.hasSuffix("-400") == true)
                    let names: [StatisticsField: String] = [
                        .field(.objectKind): "kind-390", .object: "kind-390//",
                    ]
                    #expect(counts[10].value == names[field])
                    for (place, entry) in counts.enumerated() {
                        let series = found.series.map { $0[place] }
                        #expect(series.reduce(0, +) == entry.count)
                        #expect(series[entry.count % 3] == entry.count)
                    }
                }
            }
        }
    }

    @Test("Values that are too many are refused, one fewer are not")
    func tooManyValues() throws {
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < \(ValueTally.maxValues))
            INSERT INTO events (received_at, id, event_type, severity, title, object_name, created_at)
            SELECT 0, n, 'a', 'info', 't', n, '2026-11-23T10:00:00.000Z' FROM n
            """)
        let reader = try makeReader(path)
        #expect(
            try statistics(reader, [], by: [.field(.objectName)]).get().totals[0].counts.count == 20
        )
        try connection.execute(
            """
            INSERT INTO events (received_at, id, event_type, severity, title, object_name, created_at)
            VALUES (0, 'x', 'a', 'info', 't', 'x', '2026-11-23T10:00:00.000Z')
            """)
        let error = #expect(throws: QueryError.self) {
            try statistics(reader, [], by: [.field(.objectName)]).get()
        }
        #expect(error?.parameter == "by")
        #expect(throws: Never.self) { try statistics(reader, [], by: [.field(.severity)]).get() }
    }

    @Test("Occurrences are summed instead of events", arguments: [nil, "what"])
    func occurrences(words: String?) throws {
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 9)
            INSERT INTO events (id, event_type, severity, title, object_kind, object_name, reason,
              occurrences, received_at, created_at)
            SELECT n, 'a', 'info', 'what', 'Pod', 'x/' || (n % 2), 'r' || (n % 3), n, 0,
              '2026-11-23T10:0' || n || ':00.000Z' FROM n
            """)
        let reader = try makeReader(path)
        let filters = [("until", "2026-11-23T10:10:00Z")] + (words.map { [("q", $0)] } ?? [])
        let found = try statistics(
            reader, filters, by: [.field(.reason), .object], interval: "5m", occurrences: "true"
        ).get()
        #expect(found.events == [10, 35])
        let counts = found.totals.map { $0.counts.map { "\($0.value ?? "null"): \($0.count)" } }
        #expect(
            counts == [["r0: 18", "r2: 15", "r1: 12"], [#"Pod//x\/1: 25"#, #"Pod//x\/0: 20"#]])
        #expect(found.series == [[3, 2, 5], [15, 13, 7]])
        let events = try statistics(reader, filters, by: [.object], occurrences: "false").get()
        #expect(events.totals[0].counts.map(\.count) == [5, 5])
        #expect(throws: QueryError(parameter: "occurrences", detail: "must be true or false")) {
            try statistics(reader, filters, occurrences: "yes")
        }
    }

    @Test("Words are searched for, too")
    func words() throws {
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            """
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60)
            INSERT INTO events (received_at, id, event_type, severity, title, object_name, created_at)
            SELECT 0, n, 'a', iif(n % 2, 'info', 'error'), iif(n % 3, 'disk full', 'disk slow'), nullif('x' || (n % 5), 'x4'),
              '2026-11-23T10:' || (10 + n / 6) || ':00.000Z' FROM n
            """)
        let reader = try makeReader(path)
        let found = try statistics(
            reader, [("q", "disk -slow"), ("severity", "info"), ("until", "2026-11-23T10:15:00Z")],
            by: [.field(.objectName), .field(.severity)], interval: "1m"
        ).get()
        let wanted = (1...60).filter { $0 % 3 != 0 && $0 % 2 == 1 && $0 / 6 < 5 }
        #expect(found.buckets.since.text == "2026-11-23T10:10:00.000Z")
        #expect(found.events == (0..<5).map { minute in wanted.count { $0 / 6 == minute } })
        for (place, entry) in found.totals[0].counts.enumerated() {
            let own = wanted.filter { ($0 % 5 == 4 ? nil : "x\($0 % 5)") == entry.value }
            #expect(entry.count == own.count && entry.count > 0)
            #expect(
                found.series.map { $0[place] }
                    == (0..<5).map { minute in own.count { $0 / 6 == minute } })
        }
        #expect(found.totals[1].counts == [.init(value: "info", count: wanted.count)])
        #expect(
            try statistics(reader, [("q", "no-such-word")], by: [.field(.severity)]).get().totals[0]
                .counts
                .isEmpty)
    }

    @Test("Of no events there are empty buckets, or none")
    func nothing() throws {
        let reader = try makeReader(path)
        #expect(try statistics(reader, [], by: [.field(.severity)]).get().buckets.count == 0)
        let empty = try statistics(
            reader, [("since", "1h")], by: [.field(.severity), .field(.objectName)]
        ).get()
        #expect(empty.events == Array(repeating: 0, count: 61))
        #expect(empty.totals.map(\.counts) == [[], []])
        #expect(empty.series == Array(repeating: [], count: 61))
    }

    @Test("A range without an end reaches to now, whatever times events claim")
    func laterEvents() throws {
        let connection = try Connection(path, .readWrite)
        try connection.execute(
            """
            INSERT INTO events (received_at, id, event_type, severity, title, created_at)
            VALUES (0, 'a', 'a', 'info', 't', '2026-11-20T00:00:00.000Z'), (0, 'b', 'a', 'info', 't', '2027-01-01T00:00:00.000Z')
            """)
        let found = try statistics(try makeReader(path), [], interval: "1d").get()
        #expect(found.buckets.since.text == "2026-11-20T00:00:00.000Z")
        #expect(found.buckets.until == testMoment)
        #expect(found.events.reduce(0, +) == 1 && found.events.count == 4)
        let hours = try statistics(try makeReader(path), [("since", "24h")], interval: "1h").get()
        #expect(hours.buckets.count == 25, "one event of next year changes nothing")
        // An invalid time begins no range, which could have too many buckets.
        try connection.execute(
            "UPDATE events SET created_at = 'once' WHERE id = 'b'; UPDATE events SET created_at = '' WHERE id = 'a'"
        )
        let none = try statistics(try makeReader(path), [], interval: "1h").get()
        #expect(none.buckets.since == testMoment && none.events == [])
    }

    @Test("A count that takes too long is stopped, and the reader can be used again")
    func timeLimit() throws {
        _ = try PageModel(filling: path, count: 2_000, seed: 1)
        let reader = try makeReader(path)
        let slow = try StatisticsQuery(
            try query([]), interval: nil, by: "object_name", occurrences: nil, now: testMoment)
        #expect(throws: StoreError.timeLimit) { try reader.statistics(slow, budget: .zero) }
        #expect(try reader.statistics(slow, budget: .seconds(60)).get().events.reduce(0, +) > 1_000)
    }
}
