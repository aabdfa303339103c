import EventStore
import Events

/// The way that the search index serves a query: by a walk along its keys, which are in page order.
struct SearchPlan {
    /// Words, or tokens of two, that a document must all have.
    private var words: [[UInt8]] = []
    /// Prefixes of words that it must have too.
    private var prefixes: [[UInt8]] = []
    /// The filters; it must have a value of each.
    private let filters: [FieldFilter]
    /// The token of the key that events are folded by.
    private let foldToken: [[UInt8]]?
    /// For each metadata filter with several values, the words of which a document must have one.
    private var choices: [[[UInt8]]] = []
    /// The walk. Its parameters are the expression, the least and the greatest key.
    let sql: String
    let keys: ClosedRange<Int64>
    /// Reads the events that are not in the index yet. The last parameter is the index's last seq.
    let tail: PagePlan.Part
    /// True if many lists must be looked up, joined or intersected. SQLite checks no clock
    /// meanwhile.
    let mayTakeLong: Bool

    /// The most words or values that a prefix may match, and the most tokens for a pair of filters.
    /// FTS5 itself would join the lists of all words with that prefix.
    static let mostChoices = 64
    /// The most lists that an event loop has time for.
    private static let fewLists = 8

    /// Plans the page of `query`; nil if an index of the table serves it alone, or must.
    init?(_ query: EventQuery) {
        let conditions = query.conditions
        // The empty text is a prefix of every value.
        filters = conditions.fields.filter { filter in
            filter.included.map { !$0.contains { $0.text.isEmpty } } ?? false
        }
        guard conditions.askMore || !Self.isServedByTable(filters) else { return nil }
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
            for token in SearchDocument.tokens(required.words) where !words.contains(token) {
                words.append(token)
            }
            if let prefix = required.prefix { prefixes.append(prefix) }
        }
        foldToken = conditions.foldKey.map { [SearchDocument.token(foldKey: $0)] }
        for filter in conditions.metadata {
            words += filter.requiredWords.prefix(TextQuery.maxWords)
            if let any = filter.choices { choices.append(any) }
        }
        let lists = filters.reduce(1) { $0 * ($1.included?.count ?? 1) }
        mayTakeLong =
            conditions.askOfTexts || lists > Self.fewLists
            || filters.count > 2 && !conditions.askForObject
            || filters.contains { $0.included?.contains(where: \.isPrefix) ?? false }
    }

    private static func isServedByTable(_ filters: [FieldFilter]) -> Bool {
        filters.isEmpty
            || filters.count == 1 && filters[0].onlyValue != nil
                && PagePlan.ordered.contains(filters[0].field)
    }

    // MARK: What FTS5 is asked

    /// The expression for FTS5; nil if it would match everything.
    ///
    /// - Parameter expand: returns the words with a prefix, or nil if there are too many. Such a
    ///   prefix is left to the check of each event.
    func expression<Failure: Error>(
        expand: ([UInt8]) throws(Failure) -> [[UInt8]]?
    ) throws(Failure) -> [UInt8]? {
        var wordGroups = words.map { [$0] } + choices
        for prefix in prefixes {
            guard let words = try expand(prefix) else { continue }
            wordGroups.append(words.isEmpty ? [prefix] : words)
        }
        var parts = try filterGroups(expand: expand).map(Self.anyOf)
        if let foldToken { parts.append(Self.anyOf(foldToken)) }
        if !wordGroups.isEmpty {
            // The index does not have all words of a marked event.
            let all = Self.all(wordGroups.map(Self.anyOf))
            parts.insert(
                Array("((".utf8) + all + Array(") OR ".utf8) + Self.anyOf([SearchDocument.mark])
                    + Array(")".utf8), at: 0)
        }
        return parts.isEmpty ? nil : Self.all(parts)
    }

    private static func all(_ parts: [[UInt8]]) -> [UInt8] {
        Array(parts.joined(separator: Array(" AND ".utf8)))
    }

    /// For each filter or pair of filters, the tokens of which a document must have one.
    private func filterGroups<Failure: Error>(
        expand: ([UInt8]) throws(Failure) -> [[UInt8]]?
    ) throws(Failure) -> [[[UInt8]]] {
        var groups: [[[UInt8]]] = []
        var singles: [(field: EventField, values: [[UInt8]], isCovered: Bool)] = []
        for filter in filters {
            guard let values = try Self.values(filter, expand: expand) else { continue }
            singles.append((filter.field, values, false))
        }
        for left in singles.indices {
            for right in singles.indices.dropFirst(left + 1)
            where singles[left].values.count * singles[right].values.count <= Self.mostChoices {
                groups.append(
                    singles[left].values.flatMap { value in
                        singles[right].values.map {
                            SearchDocument.token(
                                singles[left].field, value, singles[right].field, $0)
                        }
                    })
                singles[left].isCovered = true
                singles[right].isCovered = true
            }
        }
        for single in singles where !single.isCovered {
            groups.append(single.values.map { SearchDocument.token(single.field, $0) })
        }
        return groups
    }

    /// The values that `filter` includes, as tokens have them; nil if there are too many.
    private static func values<Failure: Error>(
        _ filter: FieldFilter, expand: ([UInt8]) throws(Failure) -> [[UInt8]]?
    ) throws(Failure) -> [[UInt8]]? {
        var values: [[UInt8]] = []
        for value in filter.included ?? [] {
            guard value.isPrefix else {
                values.append(value.text)
                continue
            }
            // The lower-case part of a token before the value.
            let prefix = SearchDocument.token(filter.field, value.text).lowercasedASCII
            guard let tokens = try expand(prefix) else { return nil }
            let begin = SearchDocument.token(filter.field, []).count
            values += tokens.isEmpty ? [value.text] : tokens.map { Array($0.dropFirst(begin)) }
        }
        return values.count <= mostChoices ? values : nil
    }

    /// Quoted text has no special meaning to FTS5. Neither words nor tokens can hold a quote,
    /// except words in the index of a foreign file:
    /// https://sqlite.org/fts5.html#full_text_query_syntax
    private static func anyOf(_ words: [[UInt8]]) -> [UInt8] {
        let quote = [UInt8(ascii: "\"")]
        let any = words.map { quote + $0.filter { $0 != quote[0] } + quote }
            .joined(separator: Array(" OR ".utf8))
        return words.count == 1 ? Array(any) : Array("(".utf8) + any + Array(")".utf8)
    }

    // MARK: Keys

    /// The keys of the events from `since` to `until` and from the cursor on; one key if there are
    /// none. Keys may be shared, so each event is checked against the bounds again.
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

    /// The key of the last event of a page.
    static func key(of position: EventQuery.Position) -> Int64 {
        earliestKey(position.createdAt) | position.seq & SearchKey.sequenceMask
    }

    private static func earliestKey(_ time: String) -> Int64 {
        Array(time.utf8).span.withUnsafeBytes { SearchKey.earliest($0) }
    }
}

extension [UInt8] {
    fileprivate var lowercasedASCII: [UInt8] {
        map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
    }
}
