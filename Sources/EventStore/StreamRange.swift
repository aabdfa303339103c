public import Events

/// The seqs around a position. Their order is also the order in which events could be seen first.
public struct StreamRange: Equatable, Sendable {
    /// The highest seq ever assigned; 0 before the first event.
    public let last: Int64
    /// The lowest seq of all events; nil if there are none.
    public let oldest: Int64?
    /// The lowest seq after the position; nil if there is none.
    public let next: Int64?
    /// The highest seq of all removed events with the filter's severities; 0 if there are none.
    public let removed: Int64

    /// The epoch of the order; nil in a store that cannot lose what it has shown.
    public var epoch: StreamEpoch?

    /// Creates a range that a store has found.
    public init(last: Int64, oldest: Int64?, next: Int64?, removed: Int64) {
        self.last = last
        self.oldest = oldest
        self.next = next
        self.removed = removed
    }
}

/// An epoch of the order of events. A new one begins when a database server took over from another
/// without its last commits: their seqs may then belong to other events.
public struct StreamEpoch: Equatable, Sendable {
    /// The number, from 1 on.
    public let number: Int64
    /// The highest seq before it. Up to there, it has the events of the epoch before.
    public let start: Int64

    /// Creates an epoch that a store has found.
    public init(number: Int64, start: Int64) {
        self.number = number
        self.start = start
    }
}

/// A position in a live stream: `SEQ`, or `EPOCH-SEQ`.
public struct StreamPosition: Hashable, Sendable {
    /// The number of the epoch; nil for the present one.
    public var epoch: Int64?
    /// The seq of the last event before it; 0 is the beginning.
    public var seq: Int64

    /// Creates a position.
    public init(epoch: Int64? = nil, seq: Int64) {
        self.epoch = epoch
        self.seq = seq
    }

    /// Reads a position; nil if it is none.
    public init?(_ text: String) {
        func number(_ text: Substring) -> Int64? {
            text.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 } ? Int64(text) : nil
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, let seq = number(parts[parts.count - 1]) else { return nil }
        self.init(seq: seq)
        guard parts.count == 2 else { return }
        guard let epoch = number(parts[0]) else { return nil }
        self.epoch = epoch
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
