import EventStore
import Events
import SQLite

/// Counts by walking over the matching events once, or twice if the first field has too many values
/// to count each of them in each bucket.
struct StatisticsWalk {
    struct Found {
        /// The events, or their occurrences, in each bucket.
        var events: [Int]
        /// The most frequent values of each field.
        var counts: [StatisticsField: [EventStatistics.Count]] = [:]
        /// The counts of these values of the first field in each bucket.
        var series: [[Int]] = []
    }

    private let reader: SQLiteReader
    private let query: EventQuery
    private let sumsOccurrences: Bool
    private let buckets: Buckets
    private let rows: Int

    /// The columns of idx_events_object besides created_at.
    private static let object: Set<EventField> = [.objectKind, .objectNamespace, .objectName]
    /// Walking a whole index that covers the query beats reading events, unless it is this many
    /// times longer.
    private static let worthwhileLength = 10

    /// Prepares the walk.
    ///
    /// - Parameter rows: an upper bound on the events to walk over.
    init(
        _ reader: SQLiteReader, _ query: StatisticsQuery, _ buckets: Buckets, expecting rows: Int
    ) {
        self.reader = reader
        self.query = query.events
        sumsOccurrences = query.sumsOccurrences
        self.buckets = buckets
        self.rows = rows
    }

    /// Counts the values of `fields`, and with `keepsSeries` those of the first one in each bucket
    /// too.
    func run(
        _ fields: [StatisticsField], keepsSeries: Bool
    ) throws(SQLiteError) -> Result<Found, QueryError> {
        var found = Found(events: Array(repeating: 0, count: buckets.count))
        let memory = TallyMemory(of: reader.tallyBytes)
        // Declared before the tallies, so that it runs after they are gone.
        defer { memory.giveBack() }
        var tallies = fields.enumerated().map {
            ValueTally(
                buckets: keepsSeries && $0.offset == 0 ? buckets.count : 0, memory: memory)
        }
        var overflow: StatisticsField?
        try forEachEvent(fields) { bucket, weight, part in
            found.events[bucket] += weight
            for (place, field) in fields.enumerated() {
                let isCounted = field.withValue(of: { part(place, $0) }) {
                    tallies[place].add($0, bucket, weight)
                }
                if !isCounted { overflow = field }
            }
            return overflow == nil
        }
        if let overflow { return .failure(ValueTally.tooMany(overflow)) }
        for (field, tally) in zip(fields, tallies) { found.counts[field] = tally.mostFrequent }
        if keepsSeries { found.series = try series(fields[0], tallies[0], memory) }
        return .success(found)
    }

    /// The series of the most frequent values, counted again if the first walk could not keep it.
    private func series(
        _ field: StatisticsField, _ tally: ValueTally, _ memory: TallyMemory
    ) throws(SQLiteError) -> [[Int]] {
        let wanted = tally.mostFrequent.map(\.value)
        var tally = tally
        if !tally.keepsSeries {
            tally = ValueTally(buckets: buckets.count, memory: memory)
            try forEachEvent([field], among: wanted) { bucket, weight, part in
                field.withValue(of: { part(0, $0) }) { tally.add($0, bucket, weight) }
            }
        }
        let series = wanted.map { tally.series(of: $0) }
        return (0..<buckets.count).map { bucket in series.map { $0[bucket] } }
    }

    private typealias Body = (
        _ bucket: Int, _ weight: Int,
        _ part: (_ place: Int, _ part: Int) -> UnsafeRawBufferPointer?
    ) -> Bool

    /// Lends each matching event's bucket, its weight, and the parts of its value for each of
    /// `fields`, until `body` returns false.
    ///
    /// - Parameter among: the values that the first field must have.
    private func forEachEvent(
        _ fields: [StatisticsField], among wanted: [String?]? = nil, _ body: Body
    ) throws(SQLiteError) {
        let bounds = BucketBounds(buckets)
        let among = wanted.map { Set($0.map { $0.map { Array($0.utf8) } }) }
        func isAmong(_ part: (Int) -> UnsafeRawBufferPointer?) -> Bool {
            guard let among else { return true }
            return fields[0].withValue(of: part) { among.contains($0.map(Array.init)) }
        }
        var bucket = 0
        let parts = fields.map(\.fields)
        guard !query.conditions.askMore else {
            // Conditions that the selected columns cannot decide need the search index and then the
            // whole event.
            return try reader.scan(query) { event in
                guard let time = event[.createdAt], bounds.contain(time) else { return true }
                let part = { (place: Int, part: Int) in event[parts[place][part]] }
                guard isAmong({ part(0, $0) }) else { return true }
                bucket = bounds.bucket(of: time, near: bucket)
                return body(bucket, sumsOccurrences ? Self.weight(event.occurrences) : 1, part)
            }
        }
        let columns = parts.flatMap(\.self)
        let starts = parts.indices.map { parts[..<$0].reduce(1) { $0 + $1.count } }
        let statement = try self.statement(columns, among: fields.first == .object ? nil : wanted)
        defer { statement.reset() }
        while try statement.step() {
            guard let time = statement.bytes(0) else { continue }
            let part = { (place: Int, part: Int) in statement.bytes(Int32(starts[place] + part)) }
            if fields.first == .object, !isAmong({ part(0, $0) }) { continue }
            bucket = bounds.bucket(of: time, near: bucket)
            let weight =
                sumsOccurrences ? Self.weight(statement.integer(Int32(columns.count + 1))) : 1
            guard body(bucket, weight, part) else { return }
        }
    }

    /// A file may hold any number.
    private static func weight(_ occurrences: Int64) -> Int {
        Int(min(max(occurrences, 0), Int64(Int32.max)))
    }

    /// Reads `created_at`, `fields` and, if they are summed, the occurrences of all matching
    /// events, in no particular order.
    ///
    /// - Parameter among: the values that the first field must have.
    private func statement(
        _ fields: [EventField], among wanted: [String?]? = nil
    ) throws(SQLiteError) -> Statement {
        let filtered = query.conditions.fields.map(\.field)
        let all = try all()
        let usesObjects =
            Self.object.isSuperset(of: fields + filtered) && !sumsOccurrences
            && all < Self.worthwhileLength * rows
        var asked = RowConditions(
            query.conditions, leading: usesObjects ? [] : PagePlan.leading(query.conditions),
            withTimes: false)
        if let wanted {
            let texts = wanted.compactMap(\.self)
            let places = repeatElement("?", count: texts.count).joined(separator: ", ")
            let isNull = texts.count < wanted.count ? " OR \(fields[0].name) IS NULL" : ""
            asked.add(
                "(+\(fields[0].name) IN (\(places))\(isNull))", texts.map { BoundValue.text($0) })
        }
        asked.add("created_at >= ?", .text(buckets.since.text))
        asked.add("created_at < ?", .text(buckets.until.text))
        let columns =
            ["created_at"] + fields.map { String(describing: $0.name) }
            + (sumsOccurrences ? ["occurrences"] : [])
        let statement = try reader.statement(
            """
            SELECT \(columns.joined(separator: ", ")) FROM events\
            \(usesObjects ? " INDEXED BY idx_events_object" : "") \
            WHERE \(asked.sql)
            """)
        try statement.bind(asked.values)
        return statement
    }

    /// An upper bound on the number of events.
    private func all() throws(SQLiteError) -> Int {
        let statement = try reader.statement(
            "SELECT (SELECT max(seq) FROM events) - (SELECT min(seq) FROM events) + 1")
        return Int(try statement.number() ?? 0)
    }
}
