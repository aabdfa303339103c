import EventStore
import Events
import SQLite

/// Counts by walking over the matching events.
struct StatisticsWalk {
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
    ) throws(SQLiteError) -> Result<StatisticsTally, QueryError> {
        try StatisticsTally.count(
            fields, in: buckets, keepsSeries: keepsSeries, within: reader.tallyBytes, forEachEvent)
    }

    private func forEachEvent(
        _ fields: [StatisticsField], among wanted: [String?]?, _ body: StatisticsTally.Body
    ) throws(SQLiteError) {
        guard !query.conditions.askMore else {
            // Conditions that the selected columns cannot decide need the search index and then the
            // whole event.
            var events = TalliedEvents(
                buckets, fields, among: wanted, sumsOccurrences: sumsOccurrences)
            return try reader.scan(query) { events.lend($0, to: body) }
        }
        // SQL compares a single column.
        let isByParts = fields.first == .object
        var events = TalliedEvents(
            buckets, fields, among: isByParts ? wanted : nil, sumsOccurrences: sumsOccurrences)
        let parts = fields.map(\.fields)
        let columns = parts.flatMap(\.self)
        let starts = parts.indices.map { parts[..<$0].reduce(1) { $0 + $1.count } }
        let statement = try self.statement(columns, among: isByParts ? nil : wanted)
        defer { statement.reset() }
        while try statement.step() {
            let part = { (place: Int, part: Int) in statement.bytes(Int32(starts[place] + part)) }
            guard let time = statement.bytes(0), let bucket = events.bucket(of: time, part) else {
                continue
            }
            let weight = events.weight(statement.integer(Int32(columns.count + 1)))
            guard body(bucket, weight, part) else { return }
        }
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
