/// Which events are wanted, in which order, how many, and from where on.
public struct EventQuery: Equatable, Sendable {
    /// By `(created_at, seq)`.
    public enum Order: String, Sendable {
        case descending = "desc"
        case ascending = "asc"
    }

    /// The value that each filtered field must equal.
    public struct Filter: Equatable, Sendable {
        /// What is compared.
        public let field: EventField
        /// What it must equal.
        public let value: String
    }

    /// In the order of `EventField`, each field at most once.
    public private(set) var filters: [Filter] = []
    /// What the texts of an event must say.
    public private(set) var text: TextQuery?
    /// The earliest `created_at`, inclusive, as it is stored.
    public private(set) var since: String?
    /// The latest `created_at`, exclusive, as it is stored.
    public private(set) var until: String?
    /// Newest first, unless asked otherwise.
    public private(set) var order = Order.descending
    /// 1 to 1,000.
    public private(set) var limit = 50
    /// The event that the page before ended with.
    public private(set) var after: Position?
    /// The moment that ages are counted back from: that of the first page.
    private var now: Timestamp
    /// What the filters were given as; a cursor is bound to it.
    private var signature = ""

    /// Where an event stands in the order.
    public struct Position: Equatable, Sendable {
        /// As it is stored.
        public let createdAt: String
        /// Of events with the same time, which one.
        public let seq: Int64

        /// A position after an event with these.
        public init(createdAt: String, seq: Int64) {
            self.createdAt = createdAt
            self.seq = seq
        }
    }

    /// The query parameters that say which events are wanted.
    public static let filterParameters =
        EventField.filterable.map { String(describing: $0.name) } + ["q", "since", "until"]

    /// The query parameters that it is made of.
    public static let parameters = filterParameters + ["limit", "order", "cursor"]

    /// The most events on a page.
    public static let limitRange = 1...1000

    /// Reads the parameters of a query string.
    ///
    /// - Throws: what is wrong with the first parameter that is not understood.
    public init(_ parameters: [(name: String, value: String)], now: Timestamp) throws(QueryError) {
        self.now = now
        var values: [String: String] = [:]
        for (name, value) in parameters {
            guard Self.parameters.contains(name) else {
                throw QueryError(
                    parameter: name,
                    detail:
                        "is not known here; known are \(Self.parameters.joined(separator: ", "))")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw QueryError(parameter: name, detail: "is given twice")
            }
            guard !value.isEmpty else { throw QueryError(parameter: name, detail: "has no value") }
        }
        let cursor = values["cursor"]
        if let cursor { self.now = try Cursor.moment(cursor) }
        for field in EventField.filterable {
            let name = String(describing: field.name)
            guard let value = values[name] else { continue }
            try Self.check(field, value)
            filters.append(Filter(field: field, value: value))
            signature += "\(name)=\(value.utf8.count):\(value)"
        }
        if let value = values["q"] {
            text = try TextQuery(value)
            signature += "q=\(value.utf8.count):\(value)"
        }
        since = try time("since", values["since"])
        until = try time("until", values["until"])
        if let value = values["order"] {
            guard let order = Order(rawValue: value) else {
                throw QueryError(parameter: "order", detail: "must be desc or asc")
            }
            self.order = order
        }
        signature += order.rawValue
        if let value = values["limit"] {
            guard value.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let limit = Int(value),
                Self.limitRange.contains(limit)
            else {
                throw QueryError(
                    parameter: "limit",
                    detail:
                        "must be a number from \(Self.limitRange.lowerBound) to \(Self.limitRange.upperBound)"
                )
            }
            self.limit = limit
        }
        if let cursor { after = try Cursor.position(cursor, signature: signature) }
    }

    private static func check(_ field: EventField, _ value: String) throws(QueryError) {
        let name = String(describing: field.name)
        // The contract has a meaning for these that this version does not implement: matching them
        // literally would read as "no such events".
        guard !value.contains(","), !value.hasPrefix("!"), !value.hasSuffix("*") else {
            throw QueryError(
                parameter: name,
                detail: "takes one value; lists, '!' and '*' are not available in this version")
        }
        switch field {
        case .severity where Severity(rawValue: value) == nil:
            throw QueryError(
                parameter: name,
                detail: "must be one of \(Severity.list), not \(EventDecoder.quoted(value.utf8))")
        case .eventType where !EventDecoder.isValidType(value.utf8):
            throw QueryError(
                parameter: name, detail: "is not an event type: a-z 0-9 . _ -, a letter first")
        default: break
        }
    }

    /// A time, or an age that is counted back from `now`.
    private mutating func time(_ name: String, _ value: String?) throws(QueryError) -> String? {
        guard let value else { return nil }
        signature += "\(name)=\(value.utf8.count):\(value)"
        if let age = Age.milliseconds(value),
            let time = Timestamp(milliseconds: now.milliseconds - age)
        {
            return time.text
        }
        // An offset's `+` that was not percent-encoded has become a space.
        guard
            let time = Timestamp(
                rfc3339: Array(value.utf8).map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "+") : $0 })
        else {
            throw QueryError(
                parameter: name,
                detail:
                    "must be an RFC 3339 time such as 2026-11-23T10:30:45Z, or an age such as 15m, 36h or 7d"
            )
        }
        return time.text
    }

    /// The query of what follows the event at `position`.
    public func continued(after position: Position) -> EventQuery {
        var query = self
        query.after = position
        return query
    }

    /// The cursor of the page that follows the event at `position`.
    public func cursor(after position: Position) -> String {
        Cursor.text(position, moment: now, signature: signature)
    }
}
