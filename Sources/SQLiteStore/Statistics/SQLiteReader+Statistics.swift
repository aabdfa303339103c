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
        let buckets = try query.buckets { () throws(SQLiteError) in
            // Invalid times sort before all that an event can have, and begin no range.
            let oldest = try statement(
                """
                SELECT created_at FROM events WHERE created_at >= '\(Timestamp.storable.lowerBound.text)' \
                ORDER BY created_at LIMIT 1
                """)
            defer { oldest.reset() }
            return try oldest.step() ? oldest.text(0) : nil
        }
        switch buckets {
        case .success(let buckets): return try StatisticsCount(self, query, buckets).result()
        case .failure(let error): return .failure(error)
        }
    }
}
