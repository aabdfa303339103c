import Events

/// Outcomes of storing and deleting events, counted.
public struct EventTally: Equatable, Sendable {
    private var stored = [Int](repeating: 0, count: (EventType.allCases.count + 1) * 4)
    /// Nothing so far.
    public init() {}

    /// Were there already.
    public var duplicates = 0
    /// Were there already, with other content.
    public var conflicts = 0
    /// Deleted because somebody asked for it.
    public var deleted = 0

    /// Of events of this severity, how many were stored; a nil type is any that has no name.
    public func stored(_ type: EventType?, _ severity: Severity) -> Int {
        stored[Self.place(type, severity)]
    }

    /// Of all together.
    public var storedCount: Int { stored.reduce(0, +) }

    /// Events stored, less those deleted.
    package var gained: Int { storedCount - deleted }

    package mutating func addStored(_ event: EventView) {
        guard let type = event[.eventType], let severity = event[.severity],
            let severity = Severity(rawValue: String(decoding: severity, as: UTF8.self))
        else { preconditionFailure("an event that is valid has both") }
        stored[Self.place(EventType(type), severity)] += 1
    }

    /// The other types come last.
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
