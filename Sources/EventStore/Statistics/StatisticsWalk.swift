import Events
import SQLite

/// Counts by walking over the events that are wanted, once; twice where the first field has too many
/// values to count each of them in each bucket.
struct StatisticsWalk {
    struct Found {
        /// In each bucket.
        var events: [Int]
        /// The most frequent values of each field.
        var counts: [EventField: [EventStatistics.Count]] = [:]
        /// In each bucket, of these values of the first field.
        var series: [[Int]] = []
    }

    private let reader: EventReader
    private let query: EventQuery
    private let buckets: Buckets
    private let rows: Int

    /// The columns of idx_events_object, beside created_at.
    private static let object: Set<EventField> = [.objectKind, .objectNamespace, .objectName]
    /// To walk along all of an index that has all that is needed is quicker than to read events, if it
    /// is not as many times longer.
    private static let worthwhileLength = 10

    /// Prepares the walk.
    ///
    /// - Parameter rows: how many events there are at most to be walked over.
    init(
        _ reader: EventReader, _ query: EventQuery, _ buckets: Buckets, expecting rows: Int
    ) {
        self.reader = reader
        self.query = query
        self.buckets = buckets
        self.rows = rows
    }

    /// Counts the values of `fields`; with `keepsSeries` those of the first one in each bucket, too.
    func run(
        _ fields: [EventField], keepsSeries: Bool
    ) throws(SQLiteError) -> Result<Found, QueryError> {
        var found = Found(events: Array(repeating: 0, count: buckets.count))
        let memory = TallyMemory(of: reader.tallyBytes)
        var tallies = fields.enumerated().map {
            ValueTally(
                buckets: keepsSeries && $0.offset == 0 ? buckets.count : 0, memory: memory)
        }
        var overflow: EventField?
        defer { memory.giveBack() }
        try forEachEvent(fields) { bucket, value in
            found.events[bucket] += 1
            for place in fields.indices where !tallies[place].add(value(place), bucket) {
                overflow = fields[place]
            }
            return overflow == nil
        }
        if let overflow { return .failure(Self.tooMany(overflow)) }
        for (field, tally) in zip(fields, tallies) { found.counts[field] = tally.mostFrequent }
        if keepsSeries { found.series = try series(fields[0], tallies[0], memory) }
        return .success(found)
    }

    private static func tooMany(_ field: EventField) -> QueryError {
        QueryError(
            parameter: "by",
            detail:
                "names \(field.name), which has more or longer values in this range than can be counted (\(ValueTally.maxValues), or \(TallyMemory.bound >> 20) MiB for all who count now): narrow it with since and until, or with filters"
        )
    }

    /// Of the most frequent values, counted again where the first walk could not keep it.
    private func series(
        _ field: EventField, _ tally: ValueTally, _ memory: TallyMemory
    ) throws(SQLiteError) -> [[Int]] {
        let wanted = tally.mostFrequent.map(\.value)
        var tally = tally
        if !tally.keepsSeries {
            tally = ValueTally(buckets: buckets.count, memory: memory)
            try forEachEvent([field], among: wanted) { bucket, value in
                tally.add(value(0), bucket)
            }
        }
        let series = wanted.map { tally.series(of: $0) }
        return (0..<buckets.count).map { bucket in series.map { $0[bucket] } }
    }

    private typealias Body = (
        _ bucket: Int, _ value: (_ place: Int) -> UnsafeRawBufferPointer?
    ) -> Bool

    /// Lends the bucket of each event that is wanted and the values of `fields`, until `body` returns
    /// false.
    ///
    /// - Parameter among: the values that the first field must have.
    private func forEachEvent(
        _ fields: [EventField], among wanted: [String?]? = nil, _ body: Body
    ) throws(SQLiteError) {
        let bounds = BucketBounds(buckets)
        var bucket = 0
        guard !query.conditions.askMore else {
            // What the columns asked for cannot tell is looked up in the search index, and then in
            // the whole event.
            let wanted = wanted.map { Set($0.map { $0.map { Array($0.utf8) } }) }
            return try reader.scan(query, most: .max) { event in
                guard let time = event[.createdAt], bounds.contain(time) else { return true }
                if let wanted, !wanted.contains(event[fields[0]].map(Array.init)) { return true }
                bucket = bounds.bucket(of: time, near: bucket)
                return body(bucket) { event[fields[$0]] }
            }
        }
        let statement = try self.statement(fields, among: wanted)
        defer { statement.reset() }
        while try statement.step() {
            guard let time = statement.bytes(0) else { continue }
            bucket = bounds.bucket(of: time, near: bucket)
            guard body(bucket, { statement.bytes(Int32($0 + 1)) }) else { return }
        }
    }

    /// Reads `created_at` and `fields` of all events that are wanted, in no particular order.
    ///
    /// - Parameter among: the values that the first field must have.
    private func statement(
        _ fields: [EventField], among wanted: [String?]? = nil
    ) throws(SQLiteError) -> Statement {
        let filtered = query.conditions.fields.map(\.field)
        let all = try all()
        let usesObjects =
            Self.object.isSuperset(of: fields + filtered) && all < Self.worthwhileLength * rows
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
        let columns = ["created_at"] + fields.map { String(describing: $0.name) }
        let statement = try reader.statement(
            """
            SELECT \(columns.joined(separator: ", ")) FROM events\
            \(usesObjects ? " INDEXED BY idx_events_object" : "") \
            WHERE \(asked.sql)
            """)
        try statement.bind(asked.values)
        return statement
    }

    /// How many events there are, or some more.
    private func all() throws(SQLiteError) -> Int {
        let statement = try reader.statement(
            "SELECT (SELECT max(seq) FROM events) - (SELECT min(seq) FROM events) + 1")
        return Int(try statement.number() ?? 0)
    }
}
