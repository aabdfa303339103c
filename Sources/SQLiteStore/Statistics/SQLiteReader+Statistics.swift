public import EventStore
public import Events
import SQLite

/// Counts of events over time and by field.
extension SQLiteReader {
    /// Counts the events that match `query`, by time and field.
    ///
    /// - Returns: a failure if the query needs too many buckets or values for the stored events.
    /// - Throws: `timeLimit` if it takes longer than `budget`.
    public func statistics(
        _ query: StatisticsQuery, budget: Duration
    ) throws(StoreError) -> Result<EventStatistics, QueryError> {
        // Everything counts the same events, or sums would disagree.
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

    /// Without `until` the range ends now; without `since` it begins with the oldest event. So no
    /// event's claimed time can stretch it into the future.
    private func statisticsRange(
        _ query: StatisticsQuery
    ) throws(SQLiteError) -> (since: Timestamp, until: Timestamp) {
        let until = query.events.conditions.until.map(Self.moment) ?? query.now
        if let text = query.events.conditions.since { return (Self.moment(text), until) }
        // Invalid times sort before all that an event can have, and begin no range.
        let oldest = try text(
            """
            SELECT created_at FROM events WHERE created_at >= '\(Timestamp.storable.lowerBound.text)' \
            ORDER BY created_at LIMIT 1
            """)
        return (min(oldest.map(Self.moment) ?? until, until), until)
    }

    private func text(_ sql: String) throws(SQLiteError) -> String? {
        let statement = try statement(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : nil
    }

    /// A file may hold any text; an invalid time sorts before or after all times.
    private static func moment(_ text: String) -> Timestamp {
        Timestamp(rfc3339: text.utf8)
            ?? (text < Timestamp.max.text ? .min : .max)
    }
}
