import Events
import PostgreSQL

/// Conditions on a row of `events`, as far as SQL can express them. `EventMatcher` checks the rest.
struct RowConditions {
    /// The conditions, all of which must hold.
    private(set) var conditions: [String] = []
    /// The statement's parameters, in order.
    private(set) var values: [PostgreSQLValue] = []

    /// All conditions as one; TRUE if there are none.
    var sql: String { conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ") }

    /// Expresses `conditions` in SQL.
    init(_ conditions: EventConditions, withTimes: Bool = true, withWords: Bool = true) {
        for filter in conditions.fields { add(filter) }
        if let foldKey = conditions.foldKey { add("fold_key = \(bind(.integer(foldKey)))") }
        if withTimes { addTimes(conditions) }
        if withWords, let words = WordQuery(conditions).text {
            add("words @@ \(bind(.text(words)))::tsquery")
        }
    }

    /// Adds the range of time.
    mutating func addTimes(_ conditions: EventConditions) {
        if let since = conditions.since { add("created_at >= \(bind(.text(Array(since.utf8))))") }
        if let until = conditions.until { add("created_at < \(bind(.text(Array(until.utf8))))") }
    }

    /// Adds a condition whose parameters are bound.
    mutating func add(_ condition: String) { conditions.append(condition) }

    /// Adds a parameter and returns its place.
    mutating func bind(_ value: PostgreSQLValue) -> String {
        values.append(value)
        return "$\(values.count)"
    }

    private mutating func add(_ filter: FieldFilter) {
        let column = "\(filter.field.name)"
        if let included = filter.included { add(isAny(of: included, column)) }
        guard !filter.excluded.isEmpty else { return }
        add("(\(column) IS NULL OR NOT \(isAny(of: filter.excluded, column)))")
    }

    private mutating func isAny(of wanted: [FieldFilter.Value], _ column: String) -> String {
        var choices: [String] = []
        let whole = wanted.filter { !$0.isPrefix }.map { StoredText.escaped($0.text) }
        if whole.count == 1 {
            choices.append("\(column) = \(bind(.text(whole[0])))")
        } else if whole.count > 1 {
            choices.append("\(column) = ANY (\(bind(.texts(whole))))")
        }
        for prefix in wanted where prefix.isPrefix {
            choices.append(
                prefix.text.isEmpty
                    ? "\(column) IS NOT NULL"
                    : "starts_with(\(column), \(bind(.text(StoredText.escaped(prefix.text)))))")
        }
        switch choices.count {
        case 0: return "FALSE"
        case 1: return choices[0]
        default: return "(\(choices.joined(separator: " OR ")))"
        }
    }
}
