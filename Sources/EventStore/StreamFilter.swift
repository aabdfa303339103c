import Events

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
