/// The numbers around a position in the order of seq, which is the order of commits, too: there is one
/// writer, and it numbers events as it stores them.
public struct StreamRange: Equatable, Sendable {
    /// The highest number that was ever given; 0 before the first event.
    public let last: Int64
    /// The lowest number of all events; nil when there are none.
    public let oldest: Int64?
    /// The lowest number beyond the place; nil when there is none.
    public let next: Int64?
    /// The highest number of all removed events that the filter's severities admit; 0 where there are none.
    public let removed: Int64

    /// As a store has found it.
    public init(last: Int64, oldest: Int64?, next: Int64?, removed: Int64) {
        self.last = last
        self.oldest = oldest
        self.next = next
        self.removed = removed
    }
}
