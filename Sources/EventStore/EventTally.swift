public import Events

/// Counts of the outcomes of storing and deleting events.
public struct EventTally: Equatable, Sendable {
    private var stored = [Int](repeating: 0, count: (EventType.allCases.count + 1) * 4)
    /// Creates a tally of nothing.
    public init() {}

    /// Events that were already stored.
    public var duplicates = 0
    /// Events whose id was already stored with other content.
    public var conflicts = 0
    /// Events deleted on request.
    public var deleted = 0

    /// The number of events of this type and severity that were stored; a nil type is any without a
    /// name.
    public func stored(_ type: EventType?, _ severity: Severity) -> Int {
        stored[Self.place(type, severity)]
    }

    /// The number of all events stored.
    public var storedCount: Int { stored.reduce(0, +) }

    /// Events stored minus events deleted.
    package var gained: Int { storedCount - deleted }

    package mutating func addStored(_ event: EventView) {
        guard let type = event[.eventType], let severity = event[.severity],
            let severity = Severity(rawValue: String(decoding: severity, as: UTF8.self))
        else { preconditionFailure("an event that is valid has both") }
        stored[Self.place(EventType(type), severity)] += 1
    }

    /// The index of a count. Other types come last.
    private static func place(_ type: EventType?, _ severity: Severity) -> Int {
        (type?.number ?? EventType.allCases.count) * 4 + severity.number
    }

    package static func += (left: inout EventTally, right: EventTally) {
        for place in left.stored.indices { left.stored[place] += right.stored[place] }
        left.duplicates += right.duplicates
        left.conflicts += right.conflicts
        left.deleted += right.deleted
    }
}

extension EventType {
    fileprivate var number: Int {
        switch self {
        case .cluster: 0
        case .operator: 1
        case .insight: 2
        case .assessment: 3
        case .health: 4
        case .system: 5
        }
    }
}

extension Severity {
    fileprivate var number: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .error: 2
        case .critical: 3
        }
    }
}
