import Events

/// A store of events, as the rest of the program sees it. It shows no type of any engine, and does not
/// say on which thread a read runs.
///
/// Usable from any thread. Every store has to pass `Tests/StoreTests`.
public protocol EventRepository: AnyObject, Sendable {
    // MARK: Service

    /// Creates or migrates the database and brings it into service. Takes as long as a migration does.
    ///
    /// - Throws: `refused` if the database must not be touched; `failed` if a migration failed, which
    ///   `schemaState` then reports as well.
    func open() throws(SchemaError)

    /// Writes everything that waits and closes the database. Nothing can be read or written afterwards.
    func close()

    // MARK: State, from memory

    /// The schema's version and status.
    var schemaState: SchemaState { get }

    /// The reason that events cannot be stored at the moment; nil if they can.
    var unwritableReason: String? { get }

    /// True if not even the newest event can be read.
    var isUnreadable: Bool { get }

    /// True once damage was found. It stays true until the process ends.
    var isDamaged: Bool { get }

    /// Limits on how long events are kept, and on how many.
    var retention: Retention { get }

    /// The most events that may wait to be written, and the most bytes.
    var queueLimits: (events: Int, bytes: Int) { get }

    /// Figures since it was opened.
    var statistics: StoreStatistics { get }

    /// Figures that only this engine has.
    var engine: EngineReport { get }

    /// The feed of commits.
    var commits: CommitFeed { get }

    // MARK: Writing

    /// Stores `events`. The reply comes once they are committed and synced, and before `commits` is told; a failure
    /// comes on any thread, and at any time.
    ///
    /// - Parameter allOrNothing: a conflict stores none of them.
    func append(
        _ events: [Event], allOrNothing: Bool, reply: @escaping @Sendable (AppendResult) -> Void)

    /// Deletes the event with this id; the reply says whether there was one.
    func delete(id: [UInt8], reply: @escaping @Sendable (Result<Bool, StoreError>) -> Void)

    /// Deletes the events that `query` asks for, its limit and cursor apart, and no event that is stored from now
    /// on. The completion comes on any thread, when all are deleted and that is synced, or when it cannot go on;
    /// with how many were deleted by then.
    ///
    /// - Parameter stopReason: asked now and then; what it returns ends the deletion.
    func delete(
        _ query: EventQuery, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void)

    // MARK: Reading

    /// Time limits of a read: on the thread that asks for it, and elsewhere.
    var readBudgets: (here: Duration, elsewhere: Duration) { get }

    /// Makes a reader for one thread that must not wait. Returns nil if this store cannot answer at once:
    /// everything is then read elsewhere.
    func makeLocalReader() throws(StoreError) -> (any LocalReader)?

    /// Returns true if a page of `query` may take longer than a local reader's thread has time.
    func mayTakeLong(_ query: EventQuery) -> Bool

    /// Has `body` run with a reader on a thread where it may take time; false when too many wait
    /// already. The read ends with an error when `request` is cancelled, or its time is over.
    func readElsewhere(
        for request: ReadRequest,
        _ body: @escaping @Sendable (Result<any EventReader, StoreError>) -> Void
    ) -> Bool

    /// Makes a copy of everything for `client` while events come in, and checks it: one at a time,
    /// and of each client one until it lets go of it. The completion comes on any thread.
    func backUp(
        for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void)
}

extension EventRepository {
    /// Stores `events`; a conflict costs only itself.
    public func append(
        _ events: [Event], reply: @escaping @Sendable (AppendResult) -> Void
    ) {
        append(events, allOrNothing: false, reply: reply)
    }
}
