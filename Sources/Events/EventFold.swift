import JSON

/// The totals of all matches with one `foldKey`. A folded list gives them with the newest match.
///
/// Valid only as long as the view that holds it.
public struct EventFold {
    /// The most events of a group that are counted.
    public static let mostEvents = 10_000

    /// The sum of their occurrences.
    public var occurrences: Int64
    /// The number of events.
    public var events: Int
    /// The `created_at` of the oldest and of the newest.
    public var first, last: UnsafeRawBufferPointer
    /// True if there are more than `mostEvents`; only the newest are counted.
    public var isAtLeast: Bool
    /// The highest seq of the events that the list counts.
    public var lastSeq: Int64

    /// Creates the totals that a store has found.
    public init(
        occurrences: Int64, events: Int, first: UnsafeRawBufferPointer,
        last: UnsafeRawBufferPointer, isAtLeast: Bool, lastSeq: Int64
    ) {
        self.occurrences = occurrences
        self.events = events
        self.first = first
        self.last = last
        self.isAtLeast = isAtLeast
        self.lastSeq = lastSeq
    }

    /// Appends it as another member of a JSON object that is not empty.
    func appendMember(to output: inout [UInt8]) {
        output.append(",\"fold\":{\"occurrences\":")
        output.appendInteger(Int(occurrences))
        output.append(",\"events\":")
        output.appendInteger(events)
        output.append(",\"first\":")
        output.appendJSONString(first)
        output.append(",\"last\":")
        output.appendJSONString(last)
        if isAtLeast { output.append(",\"at_least\":true") }
        output.append("}")
    }
}
