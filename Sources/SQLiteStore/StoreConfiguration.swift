import EventStore

/// The bounds and habits of a store; docs/limits.md lists them with their flags.
public struct StoreConfiguration: Sendable {
    /// The database file.
    public var path: String
    /// Whether a copy is kept before an existing file is migrated.
    public var backsUpBeforeMigration = true
    /// Events that wait to be written, at most; beyond it appending is refused.
    public var queuedEvents = 100_000
    /// Their bytes, at most.
    public var queuedBytes = 64 * 1024 * 1024
    /// How long a read may take on the thread that asks for it.
    public var readBudget: Duration = .milliseconds(2)
    /// How long a read may take at all.
    public var queryTimeLimit: Duration = .seconds(10)
    /// Events in one transaction, so that the first of a crowd does not wait for all of it.
    public var eventsPerCommit = 4096
    /// How long events are kept, and how many.
    public var retention = Retention()
    /// Pages of 4 KiB: when half of them have come, they are moved into the file; when twice as many
    /// have, the WAL is made to begin anew.
    public var checkpointPages = 4096
    /// Bytes that the WAL may have; from half of it on, reads that keep it from being emptied are
    /// stopped.
    public var walBytes = 256 * 1024 * 1024
    /// How long another process that has the file open is waited for.
    public var lockTimeout: Duration = .seconds(5)
    /// Whether the file may lie on a network file system.
    public var allowsNetworkFileSystem = false
    /// Bytes held on the disk, for deleting when it is full.
    public var reserveBytes = 32 * 1024 * 1024

    /// Bytes that the WAL may have in fact: of a bound on both, a quarter at most.
    public var walLimit: Int { min(walBytes, (retention.bytes ?? .max) / 4) }

    /// The folder of the database file.
    public var folder: String { Folder.name(of: path) }

    /// The defaults, for the file at `path`.
    public init(path: String) { self.path = path }
}
