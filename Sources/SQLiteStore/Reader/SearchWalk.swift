import Events
import SQLite

/// A page by way of the search index: a walk along it, merged with the events that are not in it
/// yet. Each event is checked before it is lent. The caller holds the snapshot.
struct SearchWalk {
    let reader: SQLiteReader
    let query: EventQuery
    let plan: SearchPlan
    /// The seq up to which events are in the index.
    let indexedSeq: Int64

    /// A possible event of the page, in the order of keys, and of seqs among those that share one.
    private struct Candidate: Comparable {
        let key: Int64
        let seq: Int64

        static func < (left: Candidate, right: Candidate) -> Bool {
            (left.key, left.seq) < (right.key, right.seq)
        }
    }

    /// Lends the events of the page in order, until `body` returns false.
    func run(
        _ expression: UnsafeRawBufferPointer, _ body: (EventView) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) {
        let matcher = EventMatcher(query.conditions)
        var tail = try tail(matcher)[...]
        let walk = try reader.statement(plan.sql)
        defer { walk.reset() }
        let fetch = try reader.statement(Self.fetchSQL)
        try walk.bind(1, borrowing: expression)
        try walk.bind(2, plan.keys.lowerBound)
        try walk.bind(3, plan.keys.upperBound)
        while try walk.step() {
            let key = walk.integer(0)
            while let first = tail.first, isDescending ? first.key > key : first.key < key {
                guard try lend(tail.removeFirst(), fetch, matcher, body) else { return }
            }
            if indexedSeq <= SearchKey.sequenceMask, tail.first?.key != key {
                let candidate = Candidate(key: key, seq: key & SearchKey.sequenceMask)
                guard try lend(candidate, fetch, matcher, body) else { return }
                continue
            }
            var candidates = try candidates(of: key)
            while let first = tail.first, first.key == key { candidates.append(tail.removeFirst()) }
            for candidate in candidates.sorted(by: precedes) {
                guard try lend(candidate, fetch, matcher, body) else { return }
            }
        }
        for candidate in tail {
            guard try lend(candidate, fetch, matcher, body) else { return }
        }
    }

    private var isDescending: Bool { query.order == .descending }

    private func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
        isDescending ? left > right : left < right
    }

    /// The events outside the index, in order.
    private func tail(_ matcher: EventMatcher?) throws(SQLiteError) -> [Candidate] {
        let statement = try reader.statement(plan.tail.sql)
        defer { statement.reset() }
        try statement.bind(plan.tail.values + [.integer(indexedSeq)])
        var candidates: [Candidate] = []
        while try statement.step() {
            try reader.checkTime()
            guard let event = reader.servable(statement), admits(event),
                matcher?.admits(event) ?? true
            else { continue }
            candidates.append(Candidate(key: SearchKey.of(event), seq: event.seq))
        }
        return candidates.sorted(by: precedes)
    }

    /// The candidates that a key of the index may mean.
    private func candidates(of key: Int64) throws(SQLiteError) -> [Candidate] {
        var lowest: Int64 = 1
        var highest = indexedSeq
        if let createdAt = SearchKey.createdAt(key) {
            let bounds = try reader.statement(EventTable.seqsOfMoment)
            defer { bounds.reset() }
            try bounds.bind(1, createdAt)
            // No event of that time is left: NULL reads as 0.
            guard try bounds.step(), bounds.integer(1) > 0 else { return [] }
            lowest = max(1, EventTable.clampedSeq(bounds.integer(0)))
            highest = min(highest, EventTable.clampedSeq(bounds.integer(1)))
        }
        let first = lowest + (key &- lowest) & SearchKey.sequenceMask
        guard (highest - first) >> SearchKey.sequenceBits < Self.mostCandidates else {
            return try storedCandidates(of: key)
        }
        return stride(from: first, through: highest, by: Int(SearchKey.sequenceMask + 1)).map {
            Candidate(key: key, seq: $0)
        }
    }

    /// More than any store's seqs allow. Beyond it, candidates are not tried one by one.
    private static let mostCandidates = 64

    /// The stored candidates in a file whose seqs have gaps that no store leaves.
    private func storedCandidates(of key: Int64) throws(SQLiteError) -> [Candidate] {
        let seqs = try reader.statement(
            "SELECT seq FROM events WHERE seq & \(SearchKey.sequenceMask) = ? AND seq BETWEEN 1 AND ?"
        )
        defer { seqs.reset() }
        try seqs.bind(1, key & SearchKey.sequenceMask)
        try seqs.bind(2, indexedSeq)
        var candidates: [Candidate] = []
        while try seqs.step() { candidates.append(Candidate(key: key, seq: seqs.integer(0))) }
        return candidates
    }

    /// Lends the event at `candidate` if it exists and matches; false if `body` returns false.
    private func lend(
        _ candidate: Candidate, _ fetch: Statement, _ matcher: EventMatcher?,
        _ body: (EventView) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) -> Bool {
        try reader.checkTime()
        defer { fetch.reset() }
        try fetch.bind(1, candidate.seq)
        guard try fetch.step() else { return true }
        guard let event = reader.servable(fetch), SearchKey.of(event) == candidate.key,
            admits(event),
            matcher?.admits(event) ?? true
        else { return true }
        return try body(event)
    }

    private static let fetchSQL = "SELECT \(EventTable.columns) FROM events WHERE seq = ?"

    /// True if the event is on this page or a later one, as far as `EventMatcher` does not decide
    /// it.
    private func admits(_ event: EventView) -> Bool {
        guard query.conditions.admitsFields(event) else { return false }
        guard let after = query.after else { return true }
        let last = Candidate(key: SearchPlan.key(of: after), seq: after.seq)
        return precedes(last, Candidate(key: SearchKey.of(event), seq: event.seq))
    }
}
