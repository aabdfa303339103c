/// A query for events: conditions, order, number, and starting point.
public struct EventQuery: Equatable, Sendable {
    /// By `(created_at, seq)`.
    public enum Order: String, Sendable {
        case descending = "desc"
        case ascending = "asc"
    }

    /// The conditions on each event.
    public private(set) var conditions: EventConditions
    /// The order; newest first by default.
    public private(set) var order = Order.descending
    /// The most events, 1 to 1,000.
    public private(set) var limit = 50
    /// The last event of the previous page.
    public private(set) var after: Position?
    /// The number of events to skip.
    public private(set) var offset = 0
    /// True to count all matching events.
    public private(set) var countsAll = false
    /// True if only the newest match with each `foldKey` is wanted, with totals.
    public private(set) var folds = false
    /// The fields of each event in an answer; nil for all.
    public private(set) var selection: FieldSelection?
    /// The moment that ages are counted back from: the time of the first page.
    private let now: Timestamp

    /// The part of a query that a cursor is bound to.
    private var signature: [UInt8] {
        conditions.signature + order.rawValue.utf8 + (folds ? Array("fold".utf8) : [])
    }

    /// An event's position in the order.
    public struct Position: Equatable, Sendable {
        /// The event's `created_at` as stored.
        public let createdAt: String
        /// The event's seq, for events with the same time.
        public let seq: Int64
        /// The highest seq that a folded list covers; nil in other lists.
        public let lastFoldedSeq: Int64?

        /// The bytes of the longest `createdAt` that a cursor can hold.
        public static let longestTime = Cursor.longestTime

        /// A position after an event with these.
        public init(createdAt: String, seq: Int64, lastFoldedSeq: Int64? = nil) {
            self.createdAt = createdAt
            self.seq = seq
            self.lastFoldedSeq = lastFoldedSeq
        }

        /// Creates a position after `event`.
        public init(_ event: EventView) {
            self.init(
                createdAt: String(decoding: event[.createdAt]!, as: UTF8.self), seq: event.seq,
                lastFoldedSeq: event.fold?.lastSeq)
        }
    }

    /// The query parameters of a query.
    public static let parameters =
        EventConditions.parameters + [
            "limit", "order", "cursor", "offset", "count", "fold", "fields",
        ]

    /// The most events on a page.
    public static let limitRange = 1...1000
    /// The most events to skip.
    public static let offsetRange = 0...10_000_000

    /// Reads the parameters of a query string.
    ///
    /// - Throws: the error in the first wrong parameter.
    public init(_ parameters: [(name: String, value: String)], now: Timestamp) throws(QueryError) {
        let values = try Self.collect(parameters)
        let cursor = values["cursor"]?.first
        self.now = try cursor.map(Cursor.moment) ?? now
        conditions = try EventConditions(values, now: self.now)
        if let value = values["order"]?.first {
            guard let order = Order(rawValue: value) else {
                throw QueryError(parameter: "order", detail: "must be desc or asc")
            }
            self.order = order
        }
        limit = try Self.number("limit", values, Self.limitRange) ?? limit
        offset = try Self.number("offset", values, Self.offsetRange) ?? offset
        selection = try values["fields"]?.first.map(FieldSelection.init)
        if let value = values["count"]?.first {
            guard value == "exact" else {
                throw QueryError(
                    parameter: "count", detail: "must be exact; leave it out to count nothing")
            }
            countsAll = true
        }
        folds = try Bool(parameter: "fold", values["fold"]?.first)
        guard !folds || values["offset"] == nil else {
            throw QueryError(
                parameter: "offset",
                detail: "does not go with fold, because groups move as events arrive; use cursor")
        }
        if let cursor {
            guard values["offset"] == nil else {
                throw QueryError(
                    parameter: "offset",
                    detail: "cannot be combined with cursor, which already says where to start")
            }
            after = try Cursor.position(cursor, isFolded: folds, signature: signature)
        }
    }

    /// Collects the values of each parameter.
    private static func collect(
        _ parameters: [(name: String, value: String)]
    ) throws(QueryError) -> [String: [String]] {
        var values: [String: [String]] = [:]
        for (name, value) in parameters {
            guard EventConditions.isKnown(name, among: Self.parameters) else {
                throw QueryError(parameter: name, known: Self.parameters)
            }
            guard values[name] == nil || EventConditions.mayRepeat(name) else {
                throw QueryError(parameter: name, detail: "is given twice")
            }
            guard !value.isEmpty else { throw QueryError(parameter: name, detail: "has no value") }
            values[name, default: []].append(value)
        }
        return values
    }

    private static func number(
        _ name: String, _ values: [String: [String]], _ range: ClosedRange<Int>
    ) throws(QueryError) -> Int? {
        guard let value = values[name]?.first else { return nil }
        guard value.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let number = Int(value),
            range.contains(number)
        else {
            throw QueryError(
                parameter: name,
                detail: "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The query for the events after the one at `position`.
    public func continued(after position: Position) -> EventQuery {
        var query = self
        query.after = position
        query.offset = 0
        return query
    }

    /// The same query from the first event on.
    public var fromTheStart: EventQuery {
        var query = self
        query.after = nil
        query.offset = 0
        return query
    }

    /// The cursor of the page after the event at `position`.
    public func cursor(after position: Position) -> String {
        Cursor.text(position, moment: now, signature: signature)
    }
}
