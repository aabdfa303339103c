import Events

/// What conditions ask of a row of `events`, as far as SQL says it; what is left `EventMatcher` looks
/// at, which is nil when nothing is.
///
///     let rows = RowConditions(conditions)
///     "SELECT … FROM events WHERE \(rows.sql)"  // bind `rows.values` in this order
struct RowConditions {
    /// Each of them must hold.
    private(set) var conditions: [String] = []
    /// Of their parameters, in order.
    private(set) var values: [BoundValue] = []

    /// All of them; true where nothing is asked.
    var sql: String { conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ") }

    /// Says `conditions` in SQL.
    ///
    /// - Parameters:
    ///   - leading: fields that may choose the index; no other does, nor does the time.
    ///   - withTimes: whether `since` and `until` are among them.
    init(_ conditions: EventConditions, leading: [EventField] = [], withTimes: Bool = true) {
        for filter in conditions.fields { add(filter, isLeading: leading.contains(filter.field)) }
        guard withTimes else { return }
        if let since = conditions.since { add("+created_at >= ?", .text(since)) }
        if let until = conditions.until { add("+created_at < ?", .text(until)) }
    }

    /// Adds a condition with its parameters.
    mutating func add(_ condition: String, _ values: BoundValue...) { add(condition, values) }

    /// Adds a condition with its parameters.
    mutating func add(_ condition: String, _ values: [BoundValue]) {
        conditions.append(condition)
        self.values += values
    }

    private mutating func add(_ filter: FieldFilter, isLeading: Bool) {
        // A unary + keeps a column from choosing the index:
        // https://sqlite.org/optoverview.html#uplus
        let column = "+\(filter.field.name)"
        if let included = filter.included {
            conditions.append(isAny(of: included, isLeading ? "\(filter.field.name)" : column))
        }
        // What is null is not what is excluded, and NOT NULL is not true.
        guard !filter.excluded.isEmpty else { return }
        conditions.append("(\(column) IS NULL OR NOT \(isAny(of: filter.excluded, column)))")
    }

    private mutating func isAny(of wanted: [FieldFilter.Value], _ column: String) -> String {
        var choices: [String] = []
        let whole = wanted.filter { !$0.isPrefix }
        if whole.count == 1 {
            choices.append("\(column) = ?")
        } else if whole.count > 1 {
            let places = repeatElement("?", count: whole.count).joined(separator: ", ")
            choices.append("\(column) IN (\(places))")
        }
        values += whole.map { .text($0.text) }
        for prefix in wanted where prefix.isPrefix {
            guard !prefix.text.isEmpty else {
                choices.append("\(column) IS NOT NULL")
                continue
            }
            // In bytes, as everything that is compared: LIKE would fold case, GLOB has patterns. Of
            // an empty text substr is NULL.
            choices.append("substr(CAST(\(column) AS BLOB), 1, ?) IS CAST(? AS BLOB)")
            values += [.integer(Int64(prefix.text.count)), .text(prefix.text)]
        }
        switch choices.count {
        case 0: return "FALSE"
        case 1: return choices[0]
        default: return "(\(choices.joined(separator: " OR ")))"
        }
    }
}
