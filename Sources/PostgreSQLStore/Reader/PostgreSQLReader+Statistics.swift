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
                let range = try range(query)
                let buckets: Buckets
                do throws(QueryError) {
                    buckets = try Buckets(
                        since: range.since, until: range.until, interval: query.interval)
                } catch {
                    return .failure(error)
                }
                let count = StatisticsCount(self, query, buckets)
                return query.events.conditions.askOfTexts
                    ? try count.oneByOne() : .success(try count.bySQL())
            }
        }
    }

    /// Without `until` the range ends now; without `since` it begins with the oldest event. So no
    /// event's claimed time can stretch it into the future.
    private func range(
        _ query: StatisticsQuery
    ) throws(PostgreSQLError) -> (since: Timestamp, until: Timestamp) {
        func moment(_ text: String) -> Timestamp { Timestamp(rfc3339: text.utf8) ?? .max }
        let until = query.events.conditions.until.map(moment) ?? query.now
        if let text = query.events.conditions.since { return (moment(text), until) }
        var oldest = until
        try run(
            PostgreSQLStatement("SELECT created_at FROM events ORDER BY created_at LIMIT 1")
        ) { row in
            if let text = row.text(0) { oldest = moment(text) }
            return false
        }
        return (min(oldest, until), until)
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
        let memory = TallyMemory(of: reader.tallyBytes)
        // Declared before the tallies, so that it runs after they are gone.
        defer { memory.giveBack() }
        var tallies = query.fields.enumerated().map {
            ValueTally(buckets: $0.offset == 0 ? buckets.count : 0, memory: memory)
        }
        let bounds = buckets.count > 0 ? BucketBounds(buckets) : nil
        var overflow: StatisticsField?
        var bucket = 0
        if let bounds {
            try reader.scan(query.events.fromTheStart) { event in
                guard let time = event[.createdAt], bounds.contain(time) else { return true }
                bucket = bounds.bucket(of: time, near: bucket)
                let weight = query.sumsOccurrences ? Int(event.occurrences) : 1
                statistics.events[bucket] += weight
                for (place, field) in query.fields.enumerated() {
                    let isCounted = field.withValue(of: { event[field.fields[$0]] }) {
                        tallies[place].add($0, bucket, weight)
                    }
                    if !isCounted { overflow = field }
                }
                return overflow == nil
            }
        }
        if let overflow { return .failure(ValueTally.tooMany(overflow)) }
        for (field, tally) in zip(query.fields, tallies) {
            statistics.totals.append((field, tally.mostFrequent))
        }
        if let first = tallies.first {
            guard first.keepsSeries || buckets.count == 0 else {
                return .failure(ValueTally.tooMany(query.fields[0]))
            }
            let series = first.mostFrequent.map { first.series(of: $0.value) }
            statistics.series = (0..<buckets.count).map { bucket in series.map { $0[bucket] } }
        }
        return .success(statistics)
    }
}
