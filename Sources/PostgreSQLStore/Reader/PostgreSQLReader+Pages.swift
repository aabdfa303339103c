import EventStore
import Events
import PostgreSQL

/// Pages and counts.
extension PostgreSQLReader {
    /// The rows of the first statement of a walk; each later one has four times as many.
    static let firstRows = 256
    private static let mostRows = 65_536

    @discardableResult
    func page(
        _ query: EventQuery, budget: Duration, _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int? {
        try within(budget) { () throws(PostgreSQLError) in
            guard query.countsAll || query.folds else {
                try lend(query, body)
                return nil
            }
            return try inSnapshot { () throws(PostgreSQLError) in
                guard query.folds else {
                    try lend(query, body)
                    return try count(query)
                }
                let list = try FoldedList(self, query)
                try list.lendPage(body)
                return query.countsAll ? try list.count() : nil
            }
        }
    }

    func count(_ query: EventQuery, budget: Duration) throws(StoreError) -> Int {
        try within(budget) { () throws(PostgreSQLError) in try count(query) }
    }

    private func lend(_ query: EventQuery, _ body: (EventView) -> Bool) throws(PostgreSQLError) {
        let most = query.limit + 1
        guard EventMatcher(query.conditions) != nil else {
            guard !query.conditions.excludesAll else { return }
            return try run(
                PostgreSQLStatement(
                    page: query, after: query.after.map(PagePlace.init), limit: most,
                    offset: query.offset)
            ) { row in EventRow.withView(row, body) }
        }
        var toSkip = query.offset
        var left = most
        try scan(query) { event in
            guard toSkip == 0 else {
                toSkip -= 1
                return true
            }
            left -= 1
            return body(event) && left > 0
        }
    }

    private func count(_ query: EventQuery) throws(PostgreSQLError) -> Int {
        guard EventMatcher(query.conditions) != nil else {
            let rows = RowConditions(query.conditions)
            return Int(
                try number(
                    PostgreSQLStatement(
                        "SELECT count(*) FROM events WHERE \(rows.sql)", rows.values))
                    ?? 0)
        }
        var count = 0
        try scan(query.fromTheStart) { _ in
            count += 1
            return true
        }
        return count
    }

    /// Lends the events that match `query`, in its order and from its cursor on, until `body`
    /// returns false. `body` must not read.
    ///
    /// - Parameter lastSeq: the highest seq to lend; nil for any.
    func scan(
        _ query: EventQuery, upTo lastSeq: Int64? = nil, _ body: (EventView) -> Bool
    ) throws(PostgreSQLError) {
        guard !query.conditions.excludesAll else { return }
        let matcher = EventMatcher(query.conditions)
        var place = query.after.map(PagePlace.init)
        var most = Self.firstRows
        while true {
            var rows = 0
            var isOver = false
            let statement = PostgreSQLStatement(
                page: query, after: place, upTo: lastSeq, limit: most)
            try run(statement) { row in
                rows += 1
                EventRow.withView(row) { event in
                    if rows == most {
                        place = PagePlace(
                            createdAt: event[.createdAt].map(Array.init) ?? [], seq: event.seq)
                    }
                    guard matcher?.admits(event) ?? true else { return }
                    isOver = !body(event)
                }
                return !isOver
            }
            guard !isOver, rows == most else { return }
            try checkTime()
            most = min(most * 4, Self.mostRows)
        }
    }
}
