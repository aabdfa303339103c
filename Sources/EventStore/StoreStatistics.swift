/// Figures of a store since it was opened, which every store has.
public struct StoreStatistics: Sendable {
    /// Outcomes of storing and deleting events.
    public var tally = EventTally()
    /// Events that wait to be written now, and their bytes.
    public var queued = (events: 0, bytes: 0)
    /// Requests to store events that were refused because too much waited.
    public var queueRefusals = 0
    /// Transactions that stored or deleted events for somebody.
    public var commits = 0
    /// Events stored and deleted in each of them.
    public var commitSizes = Distribution.sizes
    /// Nanoseconds that each of them took.
    public var commitTimes = Distribution.times
    /// Those of them in which it was written and synced.
    public var syncTimes = Distribution.times
    /// The lag of the store's clock behind the system's when retention last ran; negative if it is ahead.
    public var clockLag = Duration.zero
    /// Events that retention removed because of their age.
    public var removedByAge = 0
    /// Events that retention removed early, because there were too many.
    public var removedForCount = 0
    /// Events that retention removed early, because they took too much room.
    public var removedForBytes = 0

    /// Nothing so far.
    public init() {}
}
