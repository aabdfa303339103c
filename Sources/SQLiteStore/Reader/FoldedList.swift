import EventStore
import Events
import SQLite

/// A folded list: the newest match of each group, in page order. All its pages are as of the first, so
/// a group that grows between two pages comes exactly once. The caller holds the snapshot.
///
/// A group's events agree in every field that has a filter, and are side by side in the index of
/// objects. Only texts and metadata must be checked in each of them.
final class FoldedList {
    private let reader: SQLiteReader
    private let query: EventQuery
    private let matcher: EventMatcher?
    /// The highest seq that the list covers.
    private let lastSeq: Int64
    /// The rows of one group within the query's range of time, newest first.
    private let groupSQL: String
    private let rangeValues: [BoundValue]
    /// The seq of the newest match of each group seen so far.
    private var newest: [Int64: Int64] = [:]
    /// True if the first event seen of a group must be its newest match.
    private var startsAtNewest: Bool

    /// The most groups in `newest`.
    private static let mostRemembered = 100_000
    /// Bytes of memory for each group while groups are counted.
    private static let countedBytes = 32

    init(_ reader: SQLiteReader, _ query: EventQuery) throws(SQLiteError) {
        self.reader = reader
        self.query = query
        matcher = EventMatcher(query.conditions)
        if let seq = query.after?.lastFoldedSeq {
            lastSeq = seq
        } else {
            lastSeq = try reader.lastSeq()
        }
        startsAtNewest = query.after == nil && query.order == .descending
        var conditions = """
            object_kind IS ? AND object_namespace IS ? AND object_name IS ? AND fold_key = ? AND seq <= ?
            """
        var values: [BoundValue] = []
        if let since = query.conditions.since {
            conditions += " AND created_at >= ?"
            values.append(.text(since))
        }
        if let until = query.conditions.until {
            conditions += " AND created_at < ?"
            values.append(.text(until))
        }
        groupSQL =
            "FROM events INDEXED BY idx_events_object WHERE \(conditions) ORDER BY created_at DESC"
        rangeValues = values
    }

    /// Lends the events of the page and one more, with their `fold`, until `body` returns false.
    func lendPage(_ body: (EventView) -> Bool) throws(SQLiteError) {
        var left = query.limit + 1
        try reader.scan(query) { (event) throws(SQLiteError) -> Bool in
            try reader.checkTime()
            guard try isNewest(event) else { return true }
            left -= 1
            return try lend(event, body) && left > 0
        }
    }

    /// Returns the number of groups on all pages together.
    func count() throws(SQLiteError) -> Int {
        var keys: Set<Int64> = []
        var single = 0
        let memory = TallyMemory(of: reader.tallyBytes)
        defer { memory.giveBack() }
        func add(_ key: Int64?, _ seq: Int64) throws(SQLiteError) {
            guard seq <= lastSeq else { return }
            guard let key else { return single += 1 }
            guard keys.insert(key).inserted, !memory.take(Self.countedBytes) else { return }
            throw SQLiteError(
                extendedCode: SQLiteError.interrupt, message: "there are too many groups to count")
        }
        let all = query.fromTheStart
        guard let plan = PagePlan.rows(all, "fold_key, seq") else {
            try reader.scan(all) { (event) throws(SQLiteError) -> Bool in
                try add(event.foldKey, event.seq)
                return true
            }
            return keys.count + single
        }
        let rows = try reader.statement(plan.sql)
        try rows.bind(plan.values)
        defer { rows.reset() }
        while try rows.step() {
            try add(rows.isNull(0) ? nil : rows.integer(0), rows.integer(1))
        }
        return keys.count + single
    }

    // MARK: Groups

    private func isNewest(_ event: EventView) throws(SQLiteError) -> Bool {
        guard event.seq <= lastSeq else { return false }
        // Only an event written by another program has no key.
        guard let key = event.foldKey else { return true }
        if let seq = newest[key] { return seq == event.seq }
        if newest.count == Self.mostRemembered {
            newest.removeAll()
            startsAtNewest = false
        }
        let seq = startsAtNewest ? event.seq : try newestSeq(event, key)
        newest[key] = seq
        return seq == event.seq
    }

    /// Returns the seq of the newest match in the group of `event`, which is a match.
    private func newestSeq(_ event: EventView, _ key: Int64) throws(SQLiteError) -> Int64 {
        guard matcher == nil else {
            var found = event.seq
            try forEachMatch(event, key) { match in
                found = match.seq
                return false
            }
            return found
        }
        let group = try open("SELECT seq \(groupSQL), seq DESC LIMIT 1", event, key)
        return try group.number() ?? event.seq
    }

    private func lend(
        _ event: EventView, _ body: (EventView) -> Bool
    ) throws(SQLiteError) -> Bool {
        guard let key = event.foldKey, let createdAt = event[.createdAt] else {
            return lend(event, 1, event.occurrences, first: event[.createdAt], body)
        }
        guard matcher == nil else { return try lendMatches(event, key, body) }
        let most = EventFold.mostEvents + 1
        let group = try open(
            """
            SELECT count(*), total(occurrences), min(created_at)
            FROM (SELECT occurrences, created_at \(groupSQL) LIMIT \(most))
            """, event, key)
        defer { group.reset() }
        // In a file changed by another program, an event may not find itself.
        guard try group.step(), group.integer(0) > 0 else {
            return lend(event, 1, event.occurrences, first: createdAt, body)
        }
        return lend(
            event, Int(group.integer(0)), group.integer(1), first: group.bytes(2), body)
    }

    private func lendMatches(
        _ event: EventView, _ key: Int64, _ body: (EventView) -> Bool
    ) throws(SQLiteError) -> Bool {
        var count = 0
        var occurrences: Int64 = 0
        var first: [UInt8] = []
        try forEachMatch(event, key) { match in
            count += 1
            occurrences += match.occurrences
            first = match[.createdAt].map(Array.init) ?? []
            return count <= EventFold.mostEvents
        }
        return first.withUnsafeBytes { lend(event, count, occurrences, first: $0, body) }
    }

    private func lend(
        _ event: EventView, _ count: Int, _ occurrences: Int64, first: UnsafeRawBufferPointer?,
        _ body: (EventView) -> Bool
    ) -> Bool {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let last = event[.createdAt] ?? none
        var event = event
        event.fold = EventFold(
            occurrences: max(0, occurrences), events: min(count, EventFold.mostEvents),
            first: first ?? last, last: last, isAtLeast: count > EventFold.mostEvents,
            lastSeq: lastSeq)
        return body(event)
    }

    /// Lends the matches in the group of `event`, newest first, until `body` returns false.
    private func forEachMatch(
        _ event: EventView, _ key: Int64, _ body: (EventView) -> Bool
    ) throws(SQLiteError) {
        let group = try open("SELECT \(EventTable.columns) \(groupSQL), seq DESC", event, key)
        defer { group.reset() }
        while try group.step() {
            try reader.checkTime()
            guard let match = reader.servable(group), matcher?.admits(match) ?? true else {
                continue
            }
            guard body(match) else { return }
        }
    }

    /// Prepares a statement over the group of `event`, whose bytes must stay until it is reset.
    private func open(
        _ sql: String, _ event: EventView, _ key: Int64
    ) throws(SQLiteError) -> Statement {
        let statement = try reader.statement(sql)
        try statement.bind(1, borrowing: event[.objectKind])
        try statement.bind(2, borrowing: event[.objectNamespace])
        try statement.bind(3, borrowing: event[.objectName])
        try statement.bind(4, key)
        try statement.bind(5, lastSeq)
        try statement.bind(rangeValues, from: 6)
        return statement
    }
}
