import EventStore
import Events
import SQLite

/// The series in the file, each with its `SeriesTotals`. One with a single event has no row, because
/// that event's occurrences are its count.
///
/// It belongs to the writer's connection; each change is part of the caller's transaction.
final class SeriesCounts {
    /// A revision that is about to be deleted.
    struct Revision {
        let key: [UInt8]
        let occurrences, receivedAt: Int64

        /// Returns nil if `event` is not a revision.
        init?(_ event: EventView) {
            guard let id = event[.id], let series = EventSeries(id: id, count: 1) else {
                return nil
            }
            key = series.key
            occurrences = event.occurrences
            receivedAt = event.receivedAt
        }
    }

    /// The change of a series when a revision is stored.
    struct Growth {
        /// The occurrences of the revision.
        let occurrences: Int64
        /// True if it raises the highest count.
        let raisesCount: Bool
        fileprivate let key: [UInt8]
        fileprivate let row: SeriesTotals
        /// True if the series needs a changed row; true if it has one.
        fileprivate let isRowNeeded, isRowThere: Bool
    }

    private let find, live, alike, put, drop, next: Statement
    /// The number of rows, roughly.
    private var rows: Int
    /// The last row that was checked for its age.
    private var lastSeen: [UInt8] = []

    /// The most rows whose age is checked at once.
    static let mostRows = 1000
    /// The revisions that one in which nothing happened is compared with.
    private static let mostCompared = 64
    /// The bytes after which it is compared with no more of them: small events must not make the
    /// writer read large ones again and again.
    private static let mostComparedBytes = 512 * 1024

    init(_ connection: Connection) throws(SQLiteError) {
        find = try connection.prepare(
            "SELECT count, removed, received_at FROM series WHERE key = ?")
        // Two show that there are several.
        live = try connection.prepare(
            """
            SELECT count(*), total(occurrences)
            FROM (SELECT occurrences FROM events WHERE id > ? AND id < ? LIMIT 2)
            """)
        // Versions are numbers: the last by text is the newest, if all are of one length. What was
        // stored last is compared first, because the bytes may be used up before the rest.
        alike = try connection.prepare(
            """
            SELECT \(EventTable.columns) FROM events WHERE created_at = ?3 AND seq IN
              (SELECT seq FROM events WHERE id > ?1 AND id < ?2
               ORDER BY id DESC LIMIT \(Self.mostCompared))
            ORDER BY seq DESC
            """)
        put = try connection.prepare("INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?)")
        drop = try connection.prepare("DELETE FROM series WHERE key = ?")
        next = try connection.prepare(
            "SELECT key, received_at FROM series WHERE key > ? ORDER BY key LIMIT ?")
        rows = Int(
            try connection.integer(
                "SELECT count(*) FROM (SELECT 1 FROM series LIMIT \(SeriesTotals.mostWithoutEvents))"
            ) ?? 0)
    }

    /// Returns the change of the series when this revision is stored.
    func growth(by series: EventSeries) throws(SQLiteError) -> Growth {
        let stored = try row(series.key)
        var row = stored ?? SeriesTotals()
        var hasEvents = false
        if stored == nil {
            let events = try events(series.key)
            hasEvents = events.count > 0
            row = SeriesTotals(count: events.occurrences)
        }
        let (occurrences, raisesCount) = row.add(count: series.count)
        return Growth(
            occurrences: occurrences, raisesCount: raisesCount, key: series.key, row: row,
            isRowNeeded: stored == nil ? hasEvents : occurrences > 0, isRowThere: stored != nil)
    }

    /// Looks for a stored revision of the series that says the same as `event`.
    func repeated(
        by event: Event, of series: EventSeries
    ) throws(SQLiteError) -> AppendOutcome? {
        try event.withView { view throws(SQLiteError) in
            try Self.bindRange(of: series.key, to: alike)
            try alike.bind(3, borrowing: view[.createdAt])
            defer { alike.reset() }
            var bytes = 0
            while bytes < Self.mostComparedBytes, try alike.step() {
                let stored = EventTable.view(alike)
                bytes += stored.byteCount
                if event.repeats(stored) { return .duplicate(Event(stored), stored.receipt) }
            }
            return nil
        }
    }

    /// Records that the revision has been stored.
    func note(_ growth: Growth, receivedAt: Int64) throws(SQLiteError) {
        guard growth.isRowNeeded else { return }
        var row = growth.row
        row.noteReceived(at: receivedAt)
        try keep(row, growth.key, isNew: !growth.isRowThere)
    }

    /// Records that a revision has been deleted.
    func noteDeleted(_ revision: Revision, now: Int64) throws(SQLiteError) {
        let stored = try row(revision.key)
        let events = try events(revision.key)
        let mayGrow =
            revision.receivedAt > now - SeriesTotals.memory && rows < SeriesTotals.mostWithoutEvents
        guard events.count > 0 || mayGrow else {
            if stored != nil { try forget(revision.key) }
            return
        }
        var row = stored ?? SeriesTotals(count: events.occurrences + revision.occurrences)
        row.noteDeleted(occurrences: revision.occurrences, receivedAt: revision.receivedAt)
        try keep(row, revision.key, isNew: stored == nil)
    }

    /// Checks the next `mostRows` rows, and forgets those that have no event and can no longer grow.
    /// After the last row it starts over.
    func forgetOld(now: Int64) throws(SQLiteError) {
        try next.bind(1, copying: lastSeen)
        try next.bind(2, Int64(Self.mostRows))
        var keys: [(key: [UInt8], isOld: Bool)] = []
        do {
            defer { next.reset() }
            while try next.step() {
                let key = next.bytes(0).map(Array.init) ?? []
                keys.append((key, next.integer(1) <= now - SeriesTotals.memory))
            }
        }
        for (key, isOld) in keys where isOld {
            if try events(key).count == 0 { try forget(key) }
        }
        lastSeen = keys.count < Self.mostRows ? [] : keys.last?.key ?? []
    }

    // MARK: Rows

    private func row(_ key: [UInt8]) throws(SQLiteError) -> SeriesTotals? {
        try find.bind(1, copying: key)
        defer { find.reset() }
        guard try find.step() else { return nil }
        return SeriesTotals(
            count: find.integer(0), removed: find.integer(1), receivedAt: find.integer(2))
    }

    /// Returns the number of stored events, up to two, and the sum of their occurrences.
    private func events(
        _ key: [UInt8]
    ) throws(SQLiteError) -> (count: Int64, occurrences: Int64) {
        try Self.bindRange(of: key, to: live)
        defer { live.reset() }
        guard try live.step() else { return (0, 0) }
        return (live.integer(0), SeriesTotals(count: live.integer(1)).count)
    }

    private func keep(_ row: SeriesTotals, _ key: [UInt8], isNew: Bool) throws(SQLiteError) {
        try put.bind(1, copying: key)
        try put.bind(2, row.count)
        try put.bind(3, row.removed)
        try put.bind(4, row.receivedAt)
        try put.run()
        if isNew { rows += 1 }
    }

    private func forget(_ key: [UInt8]) throws(SQLiteError) {
        try drop.bind(1, copying: key)
        try drop.run()
        rows -= 1
    }

    /// Binds parameters 1 and 2 to what the ids of a series lie between.
    private static func bindRange(of key: [UInt8], to statement: Statement) throws(SQLiteError) {
        try statement.bind(1, copying: key + [UInt8(ascii: ":")])
        try statement.bind(2, copying: key + [UInt8(ascii: ":") + 1])
    }
}
