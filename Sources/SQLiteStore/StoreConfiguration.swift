public import EventStore

/// The limits and settings of a store; docs/limits.md lists them with their flags.
public struct StoreConfiguration: Sendable {
    /// The path of the database file.
    public var path: String
    /// True to keep a copy of an existing file before it is migrated.
    public var backsUpBeforeMigration = true
    /// The most events that may be queued for writing; beyond it, appending is refused.
    public var queuedEvents = 100_000
    /// The most bytes that may be queued.
    public var queuedBytes = 64 * 1024 * 1024
    /// The longest that a read may take on the calling thread.
    public var readBudget: Duration = .milliseconds(2)
    /// The longest that any read may take.
    public var queryTimeLimit: Duration = .seconds(10)
    /// The most events in one transaction, so that the first of many does not wait for all.
    public var eventsPerCommit = 4096
    /// Limits on the age and the number of events.
    public var retention = Retention()
    /// Pages of 4 KiB. After half as many, they are moved into the file; after twice as many, the
    /// WAL starts over.
    public var checkpointPages = 4096
    /// The most bytes of the WAL. From half of it on, reads that keep it from being emptied are
    /// stopped.
    public var walBytes = 256 * 1024 * 1024
    /// The longest to wait for another process that has the file open.
    public var lockTimeout: Duration = .seconds(5)
    /// True to allow the file on a network file system.
    public var allowsNetworkFileSystem = false
    /// Bytes reserved on the disk, for deleting when it is full.
    public var reserveBytes = 32 * 1024 * 1024

    /// The effective limit on the WAL: at most a quarter of the limit on both files.
    public var walLimit: Int { min(walBytes, (retention.bytes ?? .max) / 4) }

    /// The folder of the database file.
    public var folder: String { Folder.name(of: path) }

    /// Creates the defaults for the file at `path`.
    public init(path: String) { self.path = path }
}
