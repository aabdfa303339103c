import EventStore
import PostgreSQL

/// One series of revisions, as it is and as it becomes.
struct SeriesState {
    /// The row; nil if the series has none, because it has a single event or none.
    private(set) var row: SeriesTotals?
    /// The number of its events, up to two, and the sum of their occurrences.
    private var events: Int64
    private var occurrences: Int64
    /// True if `row` is not what the database has.
    private(set) var isChanged = false

    /// Selects the states of the series with these keys; `init` reads them.
    static func select(_ keys: [[UInt8]]) -> PostgreSQLStatement {
        PostgreSQLStatement(
            """
            SELECT k.key, s.count, s.removed, s.received_at, e.events, e.occurrences
            FROM unnest($1) k(key) LEFT JOIN series s ON s.key = k.key
            CROSS JOIN LATERAL (SELECT count(*) AS events, coalesce(sum(occurrences), 0)::int8 AS occurrences
              FROM (SELECT occurrences FROM events WHERE id > k.key || ':' AND id < k.key || ';' LIMIT 2) two) e
            """, [.texts(keys)])
    }

    /// Selects true if no more series without events are remembered.
    static let selectFull = PostgreSQLStatement(
        "SELECT EXISTS (SELECT FROM series OFFSET \(SeriesTotals.mostWithoutEvents - 1))")

    init(_ row: borrowing PostgreSQLRow) {
        if !row.isNull(1) {
            self.row = SeriesTotals(
                count: row.integer(1), removed: row.integer(2), receivedAt: row.integer(3))
        }
        events = row.integer(4)
        occurrences = row.integer(5)
    }

    /// The change by storing a revision.
    struct Growth {
        /// The occurrences of the revision.
        let occurrences: Int64
        /// True if it raises the highest count.
        let raisesCount: Bool
        fileprivate let row: SeriesTotals
        fileprivate let isRowNeeded: Bool
    }

    /// Returns the change by storing a revision with this count.
    func growth(by count: Int64) -> Growth {
        var after = row ?? SeriesTotals(count: occurrences)
        let (added, raisesCount) = after.add(count: count)
        return Growth(
            occurrences: added, raisesCount: raisesCount, row: after,
            isRowNeeded: row == nil ? events > 0 : added > 0)
    }

    /// Applies the change of a revision that will be stored.
    mutating func apply(_ growth: Growth) {
        if growth.isRowNeeded {
            row = growth.row
            isChanged = true
        }
        events += 1
        if row == nil { occurrences += growth.occurrences }
    }

    /// Applies the deletion of a revision, which is no longer among the events.
    mutating func noteDeleted(
        occurrences deleted: Int64, receivedAt: Int64, now: Int64, isFull: Bool
    ) {
        guard events > 0 || receivedAt > now - SeriesTotals.memory && !isFull else {
            if row != nil { isChanged = true }
            return row = nil
        }
        var after = row ?? SeriesTotals(count: occurrences + deleted)
        after.noteDeleted(occurrences: deleted, receivedAt: receivedAt)
        row = after
        isChanged = true
    }
}

extension [[UInt8]: SeriesState] {
    /// The statements that write what has changed.
    var statements: [PostgreSQLStatement] {
        var kept: [(key: [UInt8], row: SeriesTotals)] = []
        var gone: [[UInt8]] = []
        for (key, state) in self where state.isChanged {
            if let row = state.row { kept.append((key, row)) } else { gone.append(key) }
        }
        var statements: [PostgreSQLStatement] = []
        if !kept.isEmpty {
            statements.append(
                PostgreSQLStatement(
                    """
                    INSERT INTO series SELECT key, count, removed,
                      greatest(received_at, \(PostgreSQLSchema.now))
                    FROM unnest($1, $2, $3, $4) n(key, count, removed, received_at)
                    ON CONFLICT (key) DO UPDATE SET count = excluded.count, removed = excluded.removed,
                      received_at = greatest(series.received_at, excluded.received_at)
                    """,
                    [
                        .texts(kept.map(\.key)), .integers(kept.map(\.row.count)),
                        .integers(kept.map(\.row.removed)), .integers(kept.map(\.row.receivedAt)),
                    ]))
        }
        if !gone.isEmpty {
            statements.append(
                PostgreSQLStatement("DELETE FROM series WHERE key = ANY ($1)", [.texts(gone)]))
        }
        return statements
    }
}
