import EventStore
import Events
import PostgreSQL

/// Pages and counts.
extension PostgreSQLReader {
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
        let isOfSQL = !query.conditions.askOfTexts
        var toSkip = isOfSQL ? 0 : query.offset
        var left = query.limit + 1
        try scan(query, skipping: isOfSQL ? query.offset : 0, most: isOfSQL ? left : .max) {
            event in
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
    /// - Parameters:
    ///   - lastSeq: the highest seq to lend; nil for any.
    ///   - offset: the number of rows to skip.
    ///   - most: the most rows to lend.
    func scan(
        _ query: EventQuery, upTo lastSeq: Int64? = nil, skipping offset: Int = 0,
        most: Int = .max, _ body: (EventView) -> Bool
    ) throws(PostgreSQLError) {
        guard !query.conditions.excludesAll else { return }
        let matcher = EventMatcher(query.conditions)
        var place = query.after.map(PagePlace.init)
        var left = most
        var limit = min(left, rowsAtOnce())
        while true {
            var (rows, bytes) = (0, 0)
            var isOver = false
            let statement = PostgreSQLStatement(
                page: query, after: place, upTo: lastSeq, limit: limit,
                offset: left == most ? offset : 0)
            try run(statement) { row in
                rows += 1
                EventRow.withView(row) { event in
                    bytes += event.byteCount
                    if rows == limit { place = PagePlace(event) }
                    guard matcher?.admits(event) ?? true else { return }
                    isOver = !body(event)
                }
                return !isOver
            }
            note(rows: rows, bytes: bytes)
            left -= rows
            guard !isOver, rows == limit, left > 0 else { return }
            try checkTime()
            limit = min(left, rowsAtOnce(after: limit))
        }
    }
}
