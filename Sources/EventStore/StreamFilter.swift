import Events

/// The conditions of a live stream. Two filters with the same conditions are equal.
public struct StreamFilter: Hashable, Sendable {
    /// All of it must hold.
    public let conditions: EventConditions

    /// Every event.
    public static let all = StreamFilter(EventConditions())

    /// Takes over what `query` asks of events; its order, limit and cursor mean nothing here.
    public init(_ query: EventQuery) { self.init(query.conditions) }

    private init(_ conditions: EventConditions) { self.conditions = conditions }
}
