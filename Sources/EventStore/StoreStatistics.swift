/// Figures that every store has, since it was opened.
public struct StoreStatistics: Sendable {
    /// Outcomes of storing and deleting events.
    public var tally = EventTally()
    /// Events queued for writing now, and their bytes.
    public var queued = (events: 0, bytes: 0)
    /// Requests to store events that were refused because the queue was full.
    public var queueRefusals = 0
    /// Transactions that stored or deleted events on request.
    public var commits = 0
    /// The number of events stored and deleted in each of them.
    public var commitSizes = Distribution.sizes
    /// The nanoseconds that each of them took.
    public var commitTimes = Distribution.times
    /// The nanoseconds of the commit and sync in each of them.
    public var syncTimes = Distribution.times
    /// The lag of the store's clock behind the system's when retention last ran; negative if it is
    /// ahead.
    public var clockLag = Duration.zero
    /// Events that retention removed because of their age.
    public var removedByAge = 0
    /// Events that retention removed early because there were too many.
    public var removedForCount = 0
    /// Events that retention removed early because they took too much space.
    public var removedForBytes = 0

    /// Creates figures of nothing.
    public init() {}
}
