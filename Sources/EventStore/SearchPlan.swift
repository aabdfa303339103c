import Events

/// How the search index serves a query: by a walk along its keys, which are in the order of pages.
struct SearchPlan {
    /// Of FTS5: https://sqlite.org/fts5.html#full_text_query_syntax
    let expression: String
    /// The walk; parameters are the expression, the least and the greatest key.
    let sql: String
    let keys: ClosedRange<Int64>
    /// Reads the events that are not in the index yet; parameters are the seq up to which they are,
    /// and the values of the filters.
    let tailSQL: String
    /// Whether lists of several words have to be intersected, during which SQLite looks at no clock.
    let intersects: Bool

    /// Plans the page of `query`; nil when an index of the table serves it alone.
    init?(_ query: EventQuery) {
        let fields = query.filters.map(\.field)
        guard query.text != nil || fields.count >= 2 || fields == [.objectName],
            fields != [.objectKind, .objectNamespace, .objectName] || query.text != nil
        else { return nil }
        let tokens = Self.tokens(query)
        expression = tokens.joined(separator: " AND ")
        intersects = tokens.count > 1 || query.text != nil
        keys = Self.keys(query)
        let direction = query.order == .descending ? "DESC" : "ASC"
        sql = """
            SELECT rowid FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ? \
            ORDER BY rowid \(direction)
            """
        let conditions = query.filters.map { " AND +\($0.field.name) = ?" }
        tailSQL = "SELECT \(EventTable.columns) FROM events WHERE seq > ?\(conditions.joined())"
    }

    /// In quotes, nothing in it means anything to FTS5; and neither words nor values can hold one.
    private static func tokens(_ query: EventQuery) -> [String] {
        var tokens = (query.text?.required ?? []).map { required in
            "\"\(String(decoding: required.word, as: UTF8.self))\"\(required.isPrefix ? " *" : "")"
        }
        func quote(_ append: (inout [UInt8]) -> Void) {
            var token = [UInt8(ascii: "\"")]
            append(&token)
            token[token.count - 1] = UInt8(ascii: "\"")  // in the place of the separator
            tokens.append(String(decoding: token, as: UTF8.self))
        }
        let paired = query.filters.filter { SearchDocument.paired.contains($0.field) }
        if paired.count == 1 {
            quote { SearchDocument.appendToken(paired[0].field, paired[0].value.utf8, to: &$0) }
        }
        for (place, filter) in paired.enumerated() {
            for other in paired[(place + 1)...] {
                quote {
                    SearchDocument.appendToken(
                        filter.field, filter.value.utf8, other.field, other.value.utf8, to: &$0)
                }
            }
        }
        for filter in query.filters where filter.field == .objectName {
            quote { SearchDocument.appendToken(.objectName, filter.value.utf8, to: &$0) }
        }
        return tokens
    }

    /// The keys of the events from `since` to `until`, and from the cursor on; one key when there are
    /// none. Keys may be shared, so the bounds are looked at again in each event.
    private static func keys(_ query: EventQuery) -> ClosedRange<Int64> {
        var lowest = query.since.map(earliestKey) ?? .min
        var highest = query.until.map { earliestKey($0) | SearchKey.sequenceMask } ?? .max
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
