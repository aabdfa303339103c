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
    /// Pages in the WAL, 4 KiB each, from which on a commit is followed by a checkpoint.
    public var checkpointPages = 4096

    /// The defaults, for the file at `path`.
    public init(path: String) { self.path = path }
}
