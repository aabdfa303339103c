import EventStore
import Events
import PostgreSQL

/// A folded list: the newest match of each group, in page order. All its pages are as of the first,
/// so a group that grows between two pages comes exactly once. The caller holds the snapshot.
///
/// A group's events agree in every field that has a filter. Only texts and metadata must be checked
/// in each of them.
final class FoldedList {
    private let reader: PostgreSQLReader
    private let query: EventQuery
    private let matcher: EventMatcher?
    /// The highest seq that the list covers.
    private let lastSeq: Int64
    /// The seq of the newest match of each group seen so far.
    private var newest: [Int64: Int64] = [:]
    /// True if the first event seen of a group must be its newest match.
    private var startsAtNewest: Bool

    /// The most groups in `newest`.
    private static let mostRemembered = 100_000
    /// Bytes of memory for each group while groups are counted.
    private static let countedBytes = 32

    init(_ reader: PostgreSQLReader, _ query: EventQuery) throws(PostgreSQLError) {
        self.reader = reader
        self.query = query
        matcher = EventMatcher(query.conditions)
        if let seq = query.after?.lastFoldedSeq {
            lastSeq = seq
        } else {
            lastSeq =
                try reader.number(PostgreSQLStatement("SELECT max(seq) FROM events")) ?? 0
        }
        startsAtNewest = query.after == nil && query.order == .descending
    }

    /// A row that may be the newest of its group.
    private struct Candidate {
        let seq: Int64
        let key: Int64?
        let place: PagePlace
    }

    /// The totals of a group.
    private struct Totals {
        var events = 0
        var occurrences: Int64 = 0
        var first: [UInt8] = []
    }

    /// Lends the events of the page and one more, with their `fold`, until `body` returns false.
    func lendPage(_ body: (EventView) -> Bool) throws(PostgreSQLError) {
        let found = try newestMatches(query.limit + 1)
        let totals = try totals(of: found.compactMap(\.key))
        let seqs = PostgreSQLValue.integers(found.map(\.seq))
        let direction = query.order == .descending ? "DESC" : "ASC"
        try reader.run(
            PostgreSQLStatement(
                """
                SELECT \(EventRow.columns) FROM events WHERE seq = ANY ($1)
                ORDER BY created_at \(direction), seq \(direction)
                """, [seqs])
        ) { row in
            EventRow.withView(row) { event in
                var group = Totals()
                if let key = event.foldKey { group = totals[key] ?? group }
                if group.events == 0 {
                    group = Totals(
                        events: 1, occurrences: event.occurrences,
                        first: event[.createdAt].map(Array.init) ?? [])
                }
                return group.first.withUnsafeBytes { first in
                    var event = event
                    event.fold = EventFold(
                        occurrences: max(0, group.occurrences),
                        events: min(group.events, EventFold.mostEvents), first: first,
                        last: event[.createdAt] ?? first,
                        isAtLeast: group.events > EventFold.mostEvents, lastSeq: lastSeq)
                    return body(event)
                }
            }
        }
    }

    /// Returns the number of groups on all pages together.
    func count() throws(PostgreSQLError) -> Int {
        var all = RowConditions(query.conditions)
        guard matcher != nil else {
            all.add("seq <= \(all.bind(.integer(lastSeq)))")
            return Int(
                try reader.number(
                    PostgreSQLStatement(
                        "SELECT count(DISTINCT fold_key) + count(*) FILTER (WHERE fold_key IS NULL) FROM events WHERE \(all.sql)",
                        all.values)) ?? 0)
        }
        var keys: Set<Int64> = []
        var single = 0
        let memory = TallyMemory(of: reader.tallyBytes)
        defer { memory.giveBack() }
        var isFull = false
        try reader.scan(query.fromTheStart, upTo: lastSeq) { event in
            guard let key = event.foldKey else {
                single += 1
                return true
            }
            if keys.insert(key).inserted { isFull = !memory.take(Self.countedBytes) }
            return !isFull
        }
        guard !isFull else {
            throw PostgreSQLError.ended("there are too many groups to count")
        }
        return keys.count + single
    }

    // MARK: The newest of each group

    /// The first `count` events of the page that are the newest of their groups.
    private func newestMatches(_ count: Int) throws(PostgreSQLError) -> [Candidate] {
        var found: [Candidate] = []
        var place = query.after.map(PagePlace.init)
        var most = 256
        guard !query.conditions.excludesAll else { return [] }
        while true {
            var rows = 0
            var candidates: [Candidate] = []
            let statement = PostgreSQLStatement(
                page: query,
                columns: matcher == nil ? "seq, fold_key, created_at" : EventRow.columns,
                after: place, upTo: lastSeq, limit: most)
            try reader.run(statement) { row in
                rows += 1
                if let matcher {
                    EventRow.withView(row) { event in
                        let here = PagePlace(event)
                        place = here
                        guard matcher.admits(event) else { return }
                        candidates.append(
                            Candidate(seq: event.seq, key: event.foldKey, place: here))
                    }
                } else {
                    let here = PagePlace(
                        createdAt: row.bytes(2).map(Array.init) ?? [], seq: row.integer(0))
                    place = here
                    candidates.append(
                        Candidate(
                            seq: here.seq, key: row.isNull(1) ? nil : row.integer(1), place: here))
                }
                return true
            }
            try findNewest(candidates)
            for candidate in candidates
            where candidate.key.map({ newest[$0] == candidate.seq }) ?? true {
                found.append(candidate)
                if found.count == count { return found }
            }
            guard rows == most else { return found }
            try reader.checkTime()
            most = min(most * 4, 16_384)
        }
    }

    /// Finds out the newest match of each group of which there is a candidate.
    private func findNewest(_ candidates: [Candidate]) throws(PostgreSQLError) {
        if newest.count >= Self.mostRemembered {
            newest.removeAll()
            startsAtNewest = false
        }
        var unknown: [Int64] = []
        for candidate in candidates {
            guard let key = candidate.key, newest[key] == nil else { continue }
            newest[key] = candidate.seq
            if !startsAtNewest { unknown.append(key) }
        }
        guard !unknown.isEmpty else { return }
        guard matcher == nil else {
            for key in unknown {
                try forEachMatch(key) { event in
                    newest[key] = event.seq
                    return false
                }
            }
            return
        }
        let group = group("k.key", first: [.integers(unknown)])
        try reader.run(
            PostgreSQLStatement(
                """
                SELECT k.key, n.seq FROM unnest($1) k(key) CROSS JOIN LATERAL
                  (SELECT seq FROM events WHERE \(group.sql) ORDER BY created_at DESC, seq DESC LIMIT 1) n
                """, group.values)
        ) { row in
            newest[row.integer(0)] = row.integer(1)
            return true
        }
    }

    // MARK: Groups

    /// The condition of being in the group of `key`, an expression, within the query's time.
    private func group(
        _ key: String, first: [PostgreSQLValue]
    ) -> (sql: String, values: [PostgreSQLValue]) {
        var values = first
        func bind(_ value: PostgreSQLValue) -> String {
            values.append(value)
            return "$\(values.count)"
        }
        var sql = "fold_key = \(key) AND seq <= \(bind(.integer(lastSeq)))"
        if let since = query.conditions.since {
            sql += " AND created_at >= \(bind(.text(Array(since.utf8))))"
        }
        if let until = query.conditions.until {
            sql += " AND created_at < \(bind(.text(Array(until.utf8))))"
        }
        return (sql, values)
    }

    private func totals(of keys: [Int64]) throws(PostgreSQLError) -> [Int64: Totals] {
        var totals: [Int64: Totals] = [:]
        guard matcher == nil else {
            for key in keys {
                var group = Totals()
                try forEachMatch(key) { event in
                    group.events += 1
                    group.occurrences += event.occurrences
                    group.first = event[.createdAt].map(Array.init) ?? []
                    return group.events <= EventFold.mostEvents
                }
                totals[key] = group
            }
            return totals
        }
        let group = group("k.key", first: [.integers(keys)])
        let most = EventFold.mostEvents
        try reader.run(
            PostgreSQLStatement(
                """
                SELECT k.key, t.events, t.occurrences, t.first FROM unnest($1) k(key) CROSS JOIN LATERAL
                  (SELECT count(*) AS events, sum(occurrences)::int8 AS occurrences, min(created_at) AS first
                   FROM (SELECT occurrences, created_at FROM events WHERE \(group.sql)
                         ORDER BY created_at DESC, seq DESC LIMIT \(most + 1)) g) t
                """, group.values)
        ) { row in
            totals[row.integer(0)] = Totals(
                events: Int(row.integer(1)), occurrences: row.integer(2),
                first: row.bytes(3).map(Array.init) ?? [])
            return true
        }
        return totals
    }

    /// Lends the matches in the group of `key`, newest first, until `body` returns false.
    private func forEachMatch(
        _ key: Int64, _ body: (EventView) -> Bool
    ) throws(PostgreSQLError) {
        var place: PagePlace?
        var most = 16
        while true {
            var group = group("$1", first: [.integer(key)])
            if let place {
                group.values += [.text(place.createdAt), .integer(place.seq)]
                let count = group.values.count
                group.sql += " AND (created_at, seq) < ($\(count - 1), $\(count))"
            }
            var rows = 0
            var isOver = false
            try reader.run(
                PostgreSQLStatement(
                    """
                    SELECT \(EventRow.columns) FROM events WHERE \(group.sql)
                    ORDER BY created_at DESC, seq DESC LIMIT \(most)
                    """, group.values)
            ) { row in
                rows += 1
                EventRow.withView(row) { event in
                    place = PagePlace(event)
                    guard matcher?.admits(event) ?? true else { return }
                    isOver = !body(event)
                }
                return !isOver
            }
            guard !isOver, rows == most else { return }
            try reader.checkTime()
            most = min(most * 4, 4096)
        }
    }
}
