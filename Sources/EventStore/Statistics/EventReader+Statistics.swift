import Events
import SQLite

/// Counting events over time and by fields.
extension EventReader {
    /// Counts the events that `query` wants.
    ///
    /// - Returns: a failure where the query, over what there is, asks for too many buckets or values.
    /// - Throws: `timeLimit` when it takes longer than `budget`.
    public func statistics(
        _ query: StatisticsQuery, budget: Duration
    ) throws(StoreError) -> Result<EventStatistics, QueryError> {
        // All of it counts the same events, or sums would disagree.
        try within(budget) { () throws(SQLiteError) in
            try inSnapshot { () throws(SQLiteError) in try count(query) }
        }
    }

    private func count(
        _ query: StatisticsQuery
    ) throws(SQLiteError) -> Result<EventStatistics, QueryError> {
        let range = try statisticsRange(query)
        let buckets: Buckets
        do throws(QueryError) {
            buckets = try Buckets(
                since: range.since, until: range.until, interval: query.interval)
        } catch {
            return .failure(error)
        }
        return try StatisticsCount(self, query, buckets).result()
    }

    /// What `since` and `until` leave open reaches from the oldest event of all to now, or to the
    /// newest where that is later.
    private func statisticsRange(
        _ query: StatisticsQuery
    ) throws(SQLiteError) -> (since: Timestamp, until: Timestamp) {
        let since: Timestamp
        if let text = query.events.conditions.since {
            since = Self.moment(text)
        } else {
            let oldest = try text("SELECT created_at FROM events ORDER BY created_at LIMIT 1")
            since = oldest.map(Self.moment) ?? query.now
        }
        if let text = query.events.conditions.until { return (since, Self.moment(text)) }
        let newest = try text("SELECT created_at FROM events ORDER BY created_at DESC LIMIT 1")
        let last = max(query.now.milliseconds, newest.map { Self.moment($0).milliseconds + 1 } ?? 0)
        return (since, Timestamp(milliseconds: last) ?? .max)
    }

    private func text(_ sql: String) throws(SQLiteError) -> String? {
        let statement = try statement(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : nil
    }

    /// A version 1 file may hold any text, and what is no time is before or behind all times.
    private static func moment(_ text: String) -> Timestamp {
        Timestamp(rfc3339: text.utf8)
            ?? (text < Timestamp.max.text ? .min : .max)
    }
}
