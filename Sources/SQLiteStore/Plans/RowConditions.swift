import Events
import SQLite

/// Conditions on a row of `events`, as far as SQL can express them. `EventMatcher` checks the rest;
/// it is nil if there is none.
///
///     let rows = RowConditions(conditions)
///     "SELECT … FROM events WHERE \(rows.sql)"  // bind `rows.values` in this order
struct RowConditions {
    /// The conditions, all of which must hold.
    private(set) var conditions: [String] = []
    /// Their parameters in order.
    private(set) var values: [BoundValue] = []

    /// All conditions as one; TRUE if there are none.
    var sql: String { conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ") }

    /// Expresses `conditions` in SQL.
    ///
    /// - Parameters:
    ///   - leading: the only fields that may choose the index; the time may not either.
    ///   - withTimes: true to include `since` and `until`.
    init(_ conditions: EventConditions, leading: [EventField] = [], withTimes: Bool = true) {
        for filter in conditions.fields { add(filter, isLeading: leading.contains(filter.field)) }
        if let foldKey = conditions.foldKey { add("+fold_key = ?", .integer(foldKey)) }
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
        // Null does not match an exclusion, and NOT NULL is not true.
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
            // Bytes, as in all comparisons: LIKE would fold case, and GLOB has patterns. substr of
            // an empty text is NULL.
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

/// The value of a statement's parameter.
enum BoundValue: Hashable {
    /// UTF-8 bytes, because two equal `String`s may differ to SQLite.
    case text([UInt8])
    case integer(Int64)

    static func text(_ text: String) -> BoundValue { .text(Array(text.utf8)) }
}

extension Statement {
    /// Binds `values` to the first parameters, in order.
    func bind(_ values: [BoundValue], from first: Int32 = 1) throws(SQLiteError) {
        var index = first
        for value in values {
            switch value {
            case .text(let text): try bind(index, copying: text)
            case .integer(let integer): try bind(index, integer)
            }
            index += 1
        }
    }
}
