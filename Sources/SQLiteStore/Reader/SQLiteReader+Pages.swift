public import EventStore
public import Events
import SQLite

/// Pages and counts.
extension SQLiteReader {
    /// The most events outside the search index that may be examined one by one.
    private static let unindexedEvents: Int64 = 100_000
    /// The most events of an object that are sorted instead of looked up in the search index.
    private static let mostSorted = 1000

    /// True if a page of `query` may take too long for an event loop, and cannot be stopped at
    /// once.
    public static func mayTakeLong(_ query: EventQuery) -> Bool {
        // Oldest first, most events are not the newest of their group.
        query.countsAll || query.folds && query.order == .ascending
            || SearchPlan(query)?.mayTakeLong ?? false
    }

    /// Lends the events that match `query`, in its order, up to one more than its limit. The extra
    /// one shows that there is another page. If the query folds events, these are the newest of each
    /// group, with its `fold`. Ends early if `body` returns false.
    ///
    /// - Returns: the number of events on all pages together, if the query asks for it.
    /// - Throws: `timeLimit` if it takes longer than `budget`.
    @discardableResult
    public func page(
        _ query: EventQuery, budget: Duration, _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int? {
        try within(budget) { () throws(SQLiteError) in
            guard query.countsAll || query.folds else {
                try lend(query, body)
                return nil
            }
            return try inSnapshot { () throws(SQLiteError) in
                if query.folds {
                    let list = try FoldedList(self, query)
                    try list.lendPage(body)
                    return query.countsAll ? try list.count() : nil
                }
                try lend(query, body)
                return try count(query)
            }
        }
    }

    /// Counts the matches on all pages together.
    ///
    /// - Throws: `timeLimit` if it takes longer than `budget`.
    public func count(_ query: EventQuery, budget: Duration) throws(StoreError) -> Int {
        try within(budget) { () throws(SQLiteError) in try count(query) }
    }

    private func lend(_ query: EventQuery, _ body: (EventView) -> Bool) throws(SQLiteError) {
        var toSkip = query.offset
        var left = query.limit + 1
        try scan(query) { event in
            guard toSkip == 0 else {
                toSkip -= 1
                return true
            }
            left -= 1
            return body(event) && left > 0
        }
    }

    private func count(_ query: EventQuery) throws(SQLiteError) -> Int {
        let all = query.fromTheStart
        if let plan = PagePlan.rows(all, "count(*)") {
            let statement = try statement(plan.sql)
            try statement.bind(plan.values)
            return Int(try statement.number() ?? 0)
        }
        var count = 0
        try scan(all) { _ in
            count += 1
            return true
        }
        return count
    }

    /// Lends the events that match `query`, in its order and from its cursor on, until `body`
    /// returns false.
    func scan(
        _ query: EventQuery, _ body: (EventView) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) {
        guard !query.conditions.excludesAll else { return }
        if let plan = SearchPlan(query), try !isOfSmallObject(query.conditions),
            try walk(plan, query, body)
        {
            return
        }
        let matcher = EventMatcher(query.conditions)
        for part in PagePlan(query).parts {
            let statement = try statement(part.sql)
            try statement.bind(part.values)
            defer { statement.reset() }
            while try statement.step() {
                if matcher != nil { try checkTime() }
                guard let event = servable(statement), matcher?.admits(event) ?? true else {
                    continue
                }
                guard try body(event) else { return }
            }
        }
    }

    private func isOfSmallObject(_ conditions: EventConditions) throws(SQLiteError) -> Bool {
        guard conditions.askForObject else { return false }
        let rows = RowConditions(
            conditions, leading: PagePlan.leading(conditions), withTimes: false)
        let statement = try statement(
            """
            SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY idx_events_object \
            WHERE \(rows.sql) LIMIT \(Self.mostSorted + 1))
            """)
        try statement.bind(rows.values)
        return try statement.number() ?? 0 <= Self.mostSorted
    }

    /// Serves a page by the search index; false if the index is too far behind the events or does
    /// not help.
    private func walk(
        _ plan: SearchPlan, _ query: EventQuery, _ body: (EventView) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) -> Bool {
        // The index's progress and content must be of one moment.
        try inSnapshot { () throws(SQLiteError) in
            guard try progress.step() else { return false }
            let indexedSeq = EventTable.clampedSeq(progress.integer(0))
            let lastSeq = EventTable.clampedSeq(progress.integer(1))
            progress.reset()
            guard lastSeq <= indexedSeq + Self.unindexedEvents,
                let expression = try plan.expression(expand: words(beginningWith:))
            else { return false }
            let walk = SearchWalk(reader: self, query: query, plan: plan, indexedSeq: indexedSeq)
            try expression.span.withUnsafeBytes { bytes throws(SQLiteError) in
                try walk.run(bytes, body)
            }
            return true
        }
    }

    /// The words in the search index with this prefix; nil if there are many.
    private func words(beginningWith prefix: [UInt8]) throws(SQLiteError) -> [[UInt8]]? {
        let next = try statement("SELECT term FROM search_words WHERE term >= ? LIMIT 1")
        var words: [[UInt8]] = []
        var bound = prefix
        while words.count <= SearchPlan.mostChoices {
            let word = try bound.span.withUnsafeBytes { bytes throws(SQLiteError) -> [UInt8]? in
                try next.bind(1, borrowing: bytes)
                defer { next.reset() }
                return try next.step() ? next.bytes(0).map(Array.init) : nil
            }
            guard let word, word.starts(with: prefix) else { return words }
            words.append(word)
            bound = word + [0]
        }
        return nil
    }
}
