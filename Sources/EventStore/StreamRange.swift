public import Events

/// The seqs around a position. Their order is also the order of commits, because a single writer
/// numbers events as it stores them.
public struct StreamRange: Equatable, Sendable {
    /// The highest seq ever assigned; 0 before the first event.
    public let last: Int64
    /// The lowest seq of all events; nil if there are none.
    public let oldest: Int64?
    /// The lowest seq after the position; nil if there is none.
    public let next: Int64?
    /// The highest seq of all removed events with the filter's severities; 0 if there are none.
    public let removed: Int64

    /// Creates a range that a store has found.
    public init(last: Int64, oldest: Int64?, next: Int64?, removed: Int64) {
        self.last = last
        self.oldest = oldest
        self.next = next
        self.removed = removed
    }
}

/// The conditions of a live stream. Two filters with the same conditions are equal.
public struct StreamFilter: Hashable, Sendable {
    /// The conditions, all of which must hold.
    public let conditions: EventConditions

    /// The filter that every event passes.
    public static let all = StreamFilter(EventConditions())

    /// Takes the conditions of `query` and ignores its order, limit and cursor.
    public init(_ query: EventQuery) { self.init(query.conditions) }

    private init(_ conditions: EventConditions) { self.conditions = conditions }
}
