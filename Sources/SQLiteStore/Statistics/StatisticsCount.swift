import EventStore
import Events
import SQLite

/// Counts each thing in the cheapest way.
///
/// Events of one value in a time range are adjacent in the value's index, which is counted without
/// reading the events, at about ten nanoseconds each. Counts that no index has, such as the values
/// of one field with a filter on another, take a walk over the events: `StatisticsWalk`.
struct StatisticsCount {
    private let reader: SQLiteReader
    private let query: StatisticsQuery
    private let buckets: Buckets
    private let filters: [FieldFilter]
    /// True if all conditions are on fields.
    private let isOfFields: Bool
    private let whole: (since: String, until: String)

    init(_ reader: SQLiteReader, _ query: StatisticsQuery, _ buckets: Buckets) {
        self.reader = reader
        self.query = query
        self.buckets = buckets
        filters = query.events.conditions.fields
        isOfFields = !query.events.conditions.askMore
        whole = (buckets.since.text, buckets.until.text)
    }

    func result() throws(SQLiteError) -> Result<EventStatistics, QueryError> {
        var statistics = EventStatistics(buckets)
        var counts: [StatisticsField: [EventStatistics.Count]] = [:]
        // No index has the occurrences.
        let countsEvents =
            isOfFields && !query.sumsOccurrences && (filters.isEmpty || filteredValues != nil)
        if countsEvents {
            for bucket in 0..<buckets.count {
                statistics.events[bucket] = try countEvents(buckets.bounds(bucket))
            }
        }
        let byIndex = query.fields.filter { wanted in
            guard countsEvents, case .field(let field) = wanted else { return false }
            return PagePlan.ordered.contains(field) && filters.allSatisfy { $0.field == field }
        }
        for case .field(let field) in byIndex {
            let found = try countValues(field)
            counts[.field(field)] = found
            guard query.fields.first == .field(field) else { continue }
            for bucket in 0..<buckets.count {
                statistics.series.append(
                    try found.map { (entry) throws(SQLiteError) in
                        try count(
                            (field, entry.value.map { Array($0.utf8) }), buckets.bounds(bucket))
                    })
            }
        }
        let byWalk = query.fields.filter { !byIndex.contains($0) }
        if buckets.count > 0, !byWalk.isEmpty || !countsEvents {
            let rows =
                countsEvents
                ? statistics.events.reduce(0, +) : try count(nil, whole)
            let walk = StatisticsWalk(reader, query, buckets, expecting: rows)
            let keepsSeries = query.fields.first.map(byWalk.contains) ?? false
            switch try walk.run(byWalk, keepsSeries: keepsSeries) {
            case .failure(let error): return .failure(error)
            case .success(let found):
                statistics.events = found.events
                if keepsSeries { statistics.series = found.series }
                counts.merge(found.counts) { $1 }
            }
        }
        statistics.totals = query.fields.map { ($0, counts[$0] ?? []) }
        return .success(statistics)
    }

    /// The most frequent values of a field.
    private func countValues(
        _ field: EventField
    ) throws(SQLiteError) -> [EventStatistics.Count] {
        var counts: [EventStatistics.Count] = []
        func add(_ value: [UInt8]?) throws(SQLiteError) {
            counts.insert(
                value.map { String(decoding: $0, as: UTF8.self) }, try count((field, value), whole))
        }
        guard filters.isEmpty else {
            for value in filteredValues ?? [] { try add(value) }
            return counts
        }
        try add(nil)
        // From each value to the next, past all events that have it. As bytes, because a text that
        // is not UTF-8 differs from its shown form and would be found again and again.
        var next = try value(of: field, ">=", [])
        while let value = next {
            try add(value)
            next = try self.value(of: field, ">", value)
        }
        return counts
    }

    /// The first text of `field`; numbers come before texts, and blobs after.
    private func value(
        of field: EventField, _ relation: String, _ bound: [UInt8]
    ) throws(SQLiteError) -> [UInt8]? {
        let statement = try reader.statement(
            """
            SELECT \(field.name) FROM events WHERE \(field.name) \(relation) ? AND \(field.name) < x'' \
            ORDER BY \(field.name) LIMIT 1
            """)
        try statement.bind(1, copying: bound)
        defer { statement.reset() }
        return try statement.step() ? statement.bytes(0).map(Array.init) : nil
    }

    /// The values that the single filter admits, if its field's index has them; nil otherwise.
    private var filteredValues: [[UInt8]]? {
        guard filters.count == 1, PagePlan.ordered.contains(filters[0].field),
            filters[0].excluded.isEmpty, let included = filters[0].included,
            !included.contains(where: \.isPrefix)
        else { return nil }
        return included.map(\.text)
    }

    /// The number of events in a time range that match the filter.
    private func countEvents(_ range: (since: String, until: String)) throws(SQLiteError) -> Int {
        guard let values = filteredValues else { return try count(nil, range) }
        var sum = 0
        for value in values { sum += try count((filters[0].field, value), range) }
        return sum
    }

    /// The number of events in a time range, or of those with a value.
    private func count(
        _ wanted: (field: EventField, value: [UInt8]?)?, _ range: (since: String, until: String)
    ) throws(SQLiteError) -> Int {
        var conditions = ["created_at >= ?", "created_at < ?"]
        var values: [BoundValue] = [.text(range.since), .text(range.until)]
        if let wanted {
            conditions.append("\(wanted.field.name) \(wanted.value == nil ? "IS NULL" : "= ?")")
            if let value = wanted.value { values.append(.text(value)) }
        }
        let statement = try reader.statement(
            "SELECT count(*) FROM events WHERE \(conditions.joined(separator: " AND "))")
        try statement.bind(values)
        return Int(try statement.number() ?? 0)
    }
}
