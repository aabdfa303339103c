/// Figures of a store since it was opened, for people and for metrics.
public struct StoreStatistics: Equatable, Sendable {
    /// Bytes of the database file.
    public var databaseBytes: Int64 = 0
    /// Bytes of the WAL file.
    public var walBytes: Int64 = 0
    /// Bytes that the WAL held when it held most.
    public var mostWALBytes: Int64 = 0
    /// Transactions that stored or deleted events for somebody.
    public var commits = 0
    /// Checkpoints that moved pages of the WAL into the file.
    public var checkpoints = 0
    /// How long they took together.
    public var checkpointTime = Duration.zero
    /// How long the longest took.
    public var longestCheckpoint = Duration.zero
    /// The longest that a slice of each job held up the writer.
    public var longestSlices: [String: Duration] = [:]
    /// Age of the oldest read that is going on; zero when there is none.
    public var oldestReader = Duration.zero
    /// Reads that were stopped because they held up a checkpoint.
    public var stoppedReaders = 0
    /// Events that retention removed because of their age.
    public var removedByAge = 0
    /// Events that retention removed early, because there were too many.
    public var removedForCount = 0
    /// Events that retention removed early, because the file was too large.
    public var removedForBytes = 0
}
