/// Figures of a store since it was opened, for people and for metrics.
public struct StoreStatistics: Sendable {
    /// What became of events.
    public var tally = EventTally()
    /// Bytes of the files, and of the volume that they are on, when they were last measured.
    public var sizes = StoreSizes()
    /// Events that wait to be written now, and their bytes.
    public var queued = (events: 0, bytes: 0)
    /// Requests to store events that were refused because too much waited.
    public var queueRefusals = 0
    /// Bytes that the WAL held when it held most.
    public var mostWALBytes: Int64 = 0
    /// Transactions that stored or deleted events for somebody.
    public var commits = 0
    /// Events stored and deleted in each of them.
    public var commitSizes = Distribution.sizes
    /// Nanoseconds that each of them took.
    public var commitTimes = Distribution.times
    /// Those of them in which the WAL was written and synced.
    public var syncTimes = Distribution.times
    /// Nanoseconds that each checkpoint took, which moved pages of the WAL into the file.
    public var checkpointTimes = Distribution.times
    /// How long the longest took.
    public var longestCheckpoint = Duration.zero
    /// The longest that a slice of each job held up the writer.
    public var longestSlices: [String: Duration] = [:]
    /// Age of the oldest read that is going on; zero when there is none.
    public var oldestReader = Duration.zero
    /// How far the store's clock was behind the system's when ages were last looked at; negative where it
    /// is ahead.
    public var clockLag = Duration.zero
    /// Events that are not in the search index yet, at most.
    public var searchLag = 0
    /// Reads that were stopped because they held up a checkpoint.
    public var stoppedReaders = 0
    /// Events that retention removed because of their age.
    public var removedByAge = 0
    /// Events that retention removed early, because there were too many.
    public var removedForCount = 0
    /// Events that retention removed early, because the file was too large.
    public var removedForBytes = 0
}
