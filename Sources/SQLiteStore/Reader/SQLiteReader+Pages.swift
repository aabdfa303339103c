import EventStore
import Events
import SQLite

/// Reading what queries ask for.
extension SQLiteReader {
    /// Events that are not in the search index yet and may be looked through one by one.
    private static let unindexedEvents: Int64 = 100_000

    /// Whether a page of `query` may take longer than an event loop has time, and can then not be
    /// stopped at once.
    public static func mayTakeLong(_ query: EventQuery) -> Bool {
        query.countsAll || SearchPlan(query)?.mayTakeLong ?? false
    }

    /// Lends the events that `query` wants, in its order, up to one more than its limit: the
    /// surplus tells that there is another page. Ends early when `body` returns false.
    ///
    /// - Returns: how many events there are on all pages together, if the query wants to know.
    /// - Throws: `timeLimit` when it takes longer than `budget`.
    @discardableResult
    public func page(
        _ query: EventQuery, budget: Duration, _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int? {
        try within(budget) { () throws(SQLiteError) in
            guard query.countsAll else {
                try lend(query, body)
                return nil
            }
            return try inSnapshot { () throws(SQLiteError) in
                try lend(query, body)
                return try count(query)
            }
        }
    }

    /// How many events are as asked, on all pages together.
    ///
    /// - Throws: `timeLimit` when it takes longer than `budget`.
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
        if let plan = PagePlan.count(all) {
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

    /// Lends the events that `query` wants, in its order and from its cursor on, until `body`
    /// returns false.
    func scan(_ query: EventQuery, _ body: (EventView) -> Bool) throws(SQLiteError) {
        guard !query.conditions.excludesAll else { return }
        if let plan = SearchPlan(query), try walk(plan, query, body) { return }
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
                guard body(event) else { return }
            }
        }
    }

    /// Serves a page by the search index; false when that lies too far behind the events, or has
    /// nothing to say.
    private func walk(
        _ plan: SearchPlan, _ query: EventQuery, _ body: (EventView) -> Bool
    ) throws(SQLiteError) -> Bool {
        // How far the index has come, what it holds and what it does not are of one moment.
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

    /// The words of the search index that begin so; nil when there are many.
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
