public import EventStore
public import PostgreSQL

/// The limits and settings of a store in PostgreSQL; docs/limits.md lists them with their flags.
public struct PostgreSQLConfiguration: Sendable {
    /// The database.
    public var address: PostgreSQLAddress
    /// The most events that may be queued for writing; beyond it, appending is refused.
    public var queuedEvents = 100_000
    /// The most bytes that may be queued.
    public var queuedBytes = 64 * 1024 * 1024
    /// The longest that any read may take.
    public var queryTimeLimit: Duration = .seconds(10)
    /// The most events in one transaction.
    public var eventsPerCommit = 4096
    /// Limits on the age and the number of events. A limit on bytes has no meaning here.
    public var retention = Retention()
    /// True to store nothing while the server has no synchronous standby.
    public var requiresReplication = false
    /// The pause between two looks for the commits of other processes.
    package var lookInterval = Duration.milliseconds(200)
    /// The time for which writes wait for a server that does not answer.
    package var patience = Duration.seconds(30)
    /// The longest that the server may take over one exchange with the writer.
    package var exchangeLimit = Duration.seconds(15)
    /// The time for which one process does what one at a time does, unless it asks again.
    package var lease = Duration.seconds(15)

    /// Creates the defaults for the database at `address`.
    public init(address: PostgreSQLAddress) { self.address = address }
}
