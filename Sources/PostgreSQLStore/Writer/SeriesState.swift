import Events
import PostgreSQL

/// The occurrences of one series of revisions, as they are and as they become. The rules are those
/// of `SeriesCounts` in the store of SQLite: each revision has the number by which it raises the
/// highest count, and one that is stored again after a deletion adds what deletions removed.
struct SeriesState {
    struct Row: Equatable {
        /// The highest count.
        var count: Int64 = 0
        /// The occurrences that deletions removed, and that no revision has added again.
        var removed: Int64 = 0
        var receivedAt: Int64 = 0
    }

    /// The row; nil if the series has none, because it has a single event or none.
    private(set) var row: Row?
    /// The number of its events, up to two, and the sum of their occurrences.
    private var events: Int64
    private var occurrences: Int64
    /// True if `row` is not what the database has.
    private(set) var isChanged = false

    /// Milliseconds for which a series without events is remembered.
    static let memory: Int64 = 24 * 3_600_000
    private static let counts = 0...Int64(Int32.max)

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

    init(_ row: borrowing PostgreSQLRow) {
        if !row.isNull(1) {
            let count = Self.clamped(row.integer(1))
            self.row = Row(
                count: count, removed: min(Self.clamped(row.integer(2)), count),
                receivedAt: row.integer(3))
        }
        events = row.integer(4)
        occurrences = Self.clamped(row.integer(5))
    }

    /// The change by storing a revision.
    struct Growth {
        /// The occurrences of the revision.
        let occurrences: Int64
        /// True if it raises the highest count.
        let raisesCount: Bool
        fileprivate let row: Row
        fileprivate let isRowNeeded: Bool
    }

    /// Returns the change by storing a revision with this count.
    func growth(by count: Int64) -> Growth {
        var after = row ?? Row(count: occurrences)
        let count = min(max(count, 1), Self.counts.upperBound)
        let raisesCount = count > after.count
        let added: Int64
        if raisesCount {
            added = count - after.count
            after.count = count
        } else {
            added = min(count, after.removed)
            after.removed -= added
        }
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
    mutating func noteDeleted(occurrences deleted: Int64, receivedAt: Int64, now: Int64) {
        guard events > 0 || receivedAt > now - Self.memory else {
            if row != nil { isChanged = true }
            return row = nil
        }
        var after = row ?? Row(count: Self.clamped(occurrences + deleted))
        after.removed = min(after.removed + deleted, after.count)
        after.receivedAt = max(after.receivedAt, receivedAt)
        row = after
        isChanged = true
    }

    private static func clamped(_ number: Int64) -> Int64 {
        min(max(number, counts.lowerBound), counts.upperBound)
    }
}

extension [[UInt8]: SeriesState] {
    /// The statements that write what has changed.
    var statements: [PostgreSQLStatement] {
        var kept: [(key: [UInt8], row: SeriesState.Row)] = []
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
                      greatest(received_at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
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
