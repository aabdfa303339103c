import Events

/// How the search index serves a query: by a walk along its keys, which are in the order of pages.
struct SearchPlan {
    /// What must all be in a document, in quotes, in which nothing means anything to FTS5; neither
    /// words nor values can hold a quote. https://sqlite.org/fts5.html#full_text_query_syntax
    private var tokens: [[UInt8]] = []
    /// Prefixes of words that must be in it, too.
    private var prefixes: [[UInt8]] = []
    /// The walk; parameters are the expression, the least and the greatest key.
    let sql: String
    let keys: ClosedRange<Int64>
    /// Reads the events that are not in the index yet; the last parameter is the seq up to which
    /// they are.
    let tail: PagePlan.Part
    /// Whether lists of several words have to be intersected, during which SQLite looks at no clock.
    let intersects: Bool

    /// The words that a prefix may stand for; FTS5 itself would put together the lists of all.
    static let wordsOfPrefix = 64

    /// Plans the page of `query`; nil when an index of the table serves it alone.
    init?(_ query: EventQuery) {
        let conditions = query.conditions
        let filters = conditions.fields.filter { $0.onlyValue != nil }
        let fields = filters.map(\.field)
        let isSimple = fields.count < 2 && fields != [.objectName]
        if conditions.text == nil,
            isSimple || fields == [.objectKind, .objectNamespace, .objectName]
        {
            return nil
        }
        keys = Self.keys(query)
        let direction = query.order == .descending ? "DESC" : "ASC"
        sql = """
            SELECT rowid FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ? \
            ORDER BY rowid \(direction)
            """
        let rows = RowConditions(conditions)
        tail = PagePlan.Part(
            sql: "SELECT \(EventTable.columns) FROM events WHERE \(rows.sql) AND seq > ?",
            values: rows.values)
        for required in conditions.text?.required ?? [] {
            if required.isPrefix {
                prefixes.append(required.word)
            } else {
                tokens.append(Self.quoted(required.word))
            }
        }
        tokens += Self.tokens(filters.map { ($0.field, $0.onlyValue ?? []) })
        intersects = conditions.text != nil || tokens.count > 1
    }

    /// What FTS5 is asked; nil when that would be everything.
    ///
    /// - Parameter expand: the words that begin with a prefix, or nil when there are too many. Such
    ///   a prefix is left to those who look at the events.
    func expression<Failure: Error>(
        expand: ([UInt8]) throws(Failure) -> [[UInt8]]?
    ) throws(Failure) -> [UInt8]? {
        var all = tokens
        for prefix in prefixes {
            guard let words = try expand(prefix) else { continue }
            let choices = words.isEmpty ? [prefix] : words
            let joined = choices.map(Self.quoted).joined(separator: Array(" OR ".utf8))
            all.append(Array("(".utf8) + joined + Array(")".utf8))
        }
        return all.isEmpty ? nil : Array(all.joined(separator: Array(" AND ".utf8)))
    }

    private static func quoted(_ word: [UInt8]) -> [UInt8] {
        [UInt8(ascii: "\"")] + word + [UInt8(ascii: "\"")]
    }

    private static func tokens(_ filters: [(field: EventField, value: [UInt8])]) -> [[UInt8]] {
        var tokens: [[UInt8]] = []
        func add(_ append: (inout [UInt8]) -> Void) {
            var token: [UInt8] = []
            append(&token)
            tokens.append(quoted(token.dropLast()))  // without the separator
        }
        let paired = filters.filter { SearchDocument.paired.contains($0.field) }
        if paired.count == 1 {
            add { SearchDocument.appendToken(paired[0].field, paired[0].value, to: &$0) }
        }
        for (place, filter) in paired.enumerated() {
            for other in paired[(place + 1)...] {
                add {
                    SearchDocument.appendToken(
                        filter.field, filter.value, other.field, other.value, to: &$0)
                }
            }
        }
        for filter in filters where filter.field == .objectName {
            add { SearchDocument.appendToken(.objectName, filter.value, to: &$0) }
        }
        return tokens
    }

    /// The keys of the events from `since` to `until`, and from the cursor on; one key when there are
    /// none. Keys may be shared, so the bounds are looked at again in each event.
    private static func keys(_ query: EventQuery) -> ClosedRange<Int64> {
        var lowest = query.conditions.since.map(earliestKey) ?? .min
        var highest =
            query.conditions.until.map { earliestKey($0) | SearchKey.sequenceMask } ?? .max
        if let after = query.after {
            if query.order == .descending {
                highest = min(highest, key(of: after))
            } else {
                lowest = max(lowest, key(of: after))
            }
        }
        return lowest...max(lowest, highest)
    }

    /// The key of the event that a page ended with.
    static func key(of position: EventQuery.Position) -> Int64 {
        earliestKey(position.createdAt) | position.seq & SearchKey.sequenceMask
    }

    private static func earliestKey(_ time: String) -> Int64 {
        Array(time.utf8).span.withUnsafeBytes { SearchKey.earliest($0) }
    }
}
