import EventStore
import Events
import PostgreSQL

/// Counts of events over time and by field. SQL counts what it can express; events whose texts or
/// metadata must be looked at are counted one by one.
extension PostgreSQLReader {
    func statistics(
        _ query: StatisticsQuery, budget: Duration
    ) throws(StoreError) -> Result<EventStatistics, QueryError> {
        // Everything counts the same events, or sums would disagree.
        try within(budget) { () throws(PostgreSQLError) in
            try inSnapshot { () throws(PostgreSQLError) in
                let buckets = try query.buckets { () throws(PostgreSQLError) in
                    var oldest: String?
                    let first = PostgreSQLStatement(
                        "SELECT created_at FROM events ORDER BY created_at LIMIT 1")
                    try run(first) { row in
                        oldest = row.text(0)
                        return false
                    }
                    return oldest
                }
                switch buckets {
                case .failure(let error): return .failure(error)
                case .success(let buckets):
                    let count = StatisticsCount(self, query, buckets)
                    return query.events.conditions.askOfTexts
                        ? try count.oneByOne() : .success(try count.bySQL())
                }
            }
        }
    }
}

/// The counts of one query.
private struct StatisticsCount {
    private let reader: PostgreSQLReader
    private let query: StatisticsQuery
    private let buckets: Buckets
    private let empty: EventStatistics

    init(_ reader: PostgreSQLReader, _ query: StatisticsQuery, _ buckets: Buckets) {
        self.reader = reader
        self.query = query
        self.buckets = buckets
        empty = EventStatistics(buckets)
    }

    // MARK: By SQL

    func bySQL() throws(PostgreSQLError) -> EventStatistics {
        var statistics = empty
        guard buckets.count > 0 else {
            statistics.totals = query.fields.map { ($0, []) }
            return statistics
        }
        var rows = conditions
        let bucket = bucket(&rows)
        try reader.run(
            PostgreSQLStatement(
                "SELECT \(bucket) AS bucket, \(weight) FROM events WHERE \(rows.sql) GROUP BY bucket",
                rows.values)
        ) { row in
            statistics.events[place(row.integer(0))] = Int(row.integer(1))
            return true
        }
        for field in query.fields {
            let counts = try values(of: field)
            statistics.totals.append((field, counts))
            guard field == query.fields.first else { continue }
            statistics.series = try series(of: field, counts)
        }
        return statistics
    }

    private var conditions: RowConditions {
        var rows = RowConditions(query.events.conditions, withTimes: false)
        let (since, until) = (buckets.since.text, buckets.until.text)
        rows.add("created_at >= \(rows.bind(.text(Array(since.utf8))))")
        rows.add("created_at < \(rows.bind(.text(Array(until.utf8))))")
        return rows
    }

    /// The number of events, or of their occurrences.
    private var weight: String {
        query.sumsOccurrences
            ? "sum(least(greatest(occurrences, 0), \(Int32.max)))::int8" : "count(*)"
    }

    /// The number of the bucket, counted from 1.
    private func bucket(_ rows: inout RowConditions) -> String {
        let starts = (0..<buckets.count).map { Array(buckets.bounds($0).since.utf8) }
        return "width_bucket(created_at, \(rows.bind(.texts(starts))))"
    }

    private func place(_ bucket: Int64) -> Int { min(max(Int(bucket) - 1, 0), buckets.count - 1) }

    /// The expression for a field's value. That of an object is its parts, with a `/` between them.
    private func value(of field: StatisticsField) -> String {
        guard case .object = field else { return "\(field.name)" }
        let parts = field.fields.map { part in
            "coalesce(replace(replace(\(part.name), '\\', '\\\\'), '/', '\\/'), '')"
        }
        let isNull = field.fields.map { "\($0.name) IS NULL" }.joined(separator: " AND ")
        return "CASE WHEN \(isNull) THEN NULL ELSE \(parts.joined(separator: " || '/' || ")) END"
    }

    private func values(
        of field: StatisticsField
    ) throws(PostgreSQLError) -> [EventStatistics.Count] {
        let rows = conditions
        var counts: [EventStatistics.Count] = []
        try reader.run(
            PostgreSQLStatement(
                """
                SELECT v, n FROM
                  (SELECT \(value(of: field)) AS v, \(weight) AS n FROM events WHERE \(rows.sql) GROUP BY v) counts
                WHERE n > 0 ORDER BY n DESC, v NULLS FIRST LIMIT \(EventStatistics.maxValues)
                """, rows.values)
        ) { row in
            counts.insert(
                row.bytes(0).map { String(decoding: StoredText.text($0), as: UTF8.self) },
                Int(row.integer(1)))
            return true
        }
        return counts
    }

    /// The counts of the most frequent values in each bucket.
    private func series(
        of field: StatisticsField, _ counts: [EventStatistics.Count]
    ) throws(PostgreSQLError) -> [[Int]] {
        var places: [[UInt8]?: Int] = [:]
        for (place, count) in counts.enumerated() {
            places[count.value.map { StoredText.escaped(Array($0.utf8)) }] = place
        }
        var series = Array(
            repeating: Array(repeating: 0, count: counts.count), count: buckets.count)
        var rows = conditions
        let value = value(of: field)
        let bucket = bucket(&rows)
        let wanted = rows.bind(.texts(places.keys.compactMap(\.self)))
        rows.add("((\(value)) = ANY (\(wanted)) OR (\(value)) IS NULL)")
        try reader.run(
            PostgreSQLStatement(
                "SELECT \(bucket) AS bucket, \(value) AS v, \(weight) FROM events WHERE \(rows.sql) GROUP BY bucket, v",
                rows.values)
        ) { row in
            if let column = places[row.bytes(1).map(Array.init)] {
                series[place(row.integer(0))][column] = Int(row.integer(2))
            }
            return true
        }
        return series
    }

    // MARK: One by one

    func oneByOne() throws(PostgreSQLError) -> Result<EventStatistics, QueryError> {
        var statistics = empty
        guard buckets.count > 0 else {
            statistics.totals = query.fields.map { ($0, []) }
            return .success(statistics)
        }
        let found = try StatisticsTally.count(
            query.fields, in: buckets, keepsSeries: !query.fields.isEmpty,
            within: reader.tallyBytes
        ) { (fields, wanted, body) throws(PostgreSQLError) in
            var events = TalliedEvents(
                buckets, fields, among: wanted, sumsOccurrences: query.sumsOccurrences)
            try reader.scan(query.events.fromTheStart) { events.lend($0, to: body) }
        }
        return found.map { found in
            statistics.events = found.events
            statistics.totals = query.fields.map { ($0, found.counts[$0] ?? []) }
            statistics.series = found.series
            return statistics
        }
    }
}
