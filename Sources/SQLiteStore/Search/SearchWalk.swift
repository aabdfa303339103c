import Events
import SQLite

/// A page by way of the search index: a walk along it, merged with the events that are not in it
/// yet, each looked at before it is handed out. The caller holds the snapshot.
struct SearchWalk {
    let reader: SQLiteReader
    let query: EventQuery
    let plan: SearchPlan
    /// Up to which seq events are in the index.
    let indexedSeq: Int64

    /// An event's place: by the key, and among those that share it by seq.
    private struct Place: Comparable {
        let key: Int64
        let seq: Int64

        static func < (left: Place, right: Place) -> Bool {
            (left.key, left.seq) < (right.key, right.seq)
        }
    }

    /// Lends the events of the page in order, until `body` returns false.
    func run(
        _ expression: UnsafeRawBufferPointer, _ body: (EventView) -> Bool
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
                let place = Place(key: key, seq: key & SearchKey.sequenceMask)
                guard try lend(place, fetch, matcher, body) else { return }
                continue
            }
            var places = try places(of: key)
            while let first = tail.first, first.key == key { places.append(tail.removeFirst()) }
            for place in places.sorted(by: precedes) {
                guard try lend(place, fetch, matcher, body) else { return }
            }
        }
        for place in tail {
            guard try lend(place, fetch, matcher, body) else { return }
        }
    }

    private var isDescending: Bool { query.order == .descending }

    private func precedes(_ left: Place, _ right: Place) -> Bool {
        isDescending ? left > right : left < right
    }

    /// The places of the events that are not in the index, in order.
    private func tail(_ matcher: EventMatcher?) throws(SQLiteError) -> [Place] {
        let statement = try reader.statement(plan.tail.sql)
        defer { statement.reset() }
        try statement.bind(plan.tail.values + [.integer(indexedSeq)])
        var places: [Place] = []
        while try statement.step() {
            try reader.checkTime()
            guard let event = reader.servable(statement), admits(event),
                matcher?.admits(event) ?? true
            else { continue }
            places.append(Place(key: SearchKey.of(event), seq: event.seq))
        }
        return places.sorted(by: precedes)
    }

    /// The places that a key of the index may mean.
    private func places(of key: Int64) throws(SQLiteError) -> [Place] {
        var lowest: Int64 = 1
        var highest = indexedSeq
        if let createdAt = SearchKey.createdAt(key) {
            let bounds = try reader.statement(EventTable.seqsOfMoment)
            defer { bounds.reset() }
            try bounds.bind(1, createdAt)
            // Nothing of that time is left: NULL reads as 0.
            guard try bounds.step(), bounds.integer(1) > 0 else { return [] }
            lowest = max(1, EventTable.clampedSeq(bounds.integer(0)))
            highest = min(highest, EventTable.clampedSeq(bounds.integer(1)))
        }
        let first = lowest + (key &- lowest) & SearchKey.sequenceMask
        guard (highest - first) >> SearchKey.sequenceBits < Self.mostPlaces else {
            return try storedPlaces(of: key)
        }
        return stride(from: first, through: highest, by: Int(SearchKey.sequenceMask + 1)).map {
            Place(key: key, seq: $0)
        }
    }

    /// More than the numbers of any store leave, so that what there may be is not tried one by one.
    private static let mostPlaces = 64

    /// The places that are there, of a file whose numbers have gaps that no store leaves.
    private func storedPlaces(of key: Int64) throws(SQLiteError) -> [Place] {
        let seqs = try reader.statement(
            "SELECT seq FROM events WHERE seq & \(SearchKey.sequenceMask) = ? AND seq BETWEEN 1 AND ?"
        )
        defer { seqs.reset() }
        try seqs.bind(1, key & SearchKey.sequenceMask)
        try seqs.bind(2, indexedSeq)
        var places: [Place] = []
        while try seqs.step() { places.append(Place(key: key, seq: seqs.integer(0))) }
        return places
    }

    /// Lends the event at `place` if it is there and what is asked for; false when `body` says so.
    private func lend(
        _ place: Place, _ fetch: Statement, _ matcher: EventMatcher?, _ body: (EventView) -> Bool
    ) throws(SQLiteError) -> Bool {
        try reader.checkTime()
        defer { fetch.reset() }
        try fetch.bind(1, place.seq)
        guard try fetch.step() else { return true }
        guard let event = reader.servable(fetch), SearchKey.of(event) == place.key, admits(event),
            matcher?.admits(event) ?? true
        else { return true }
        return body(event)
    }

    private static let fetchSQL = "SELECT \(EventTable.columns) FROM events WHERE seq = ?"

    /// Whether the event is on the page or a later one, as far as `EventMatcher` has no say.
    private func admits(_ event: EventView) -> Bool {
        guard query.conditions.admitsFields(event) else { return false }
        guard let after = query.after else { return true }
        let last = Place(key: SearchPlan.key(of: after), seq: after.seq)
        return precedes(last, Place(key: SearchKey.of(event), seq: event.seq))
    }
}
