import Events

/// What keeps events, as the rest of the program sees it: no word of an engine shows, and nothing says on which
/// thread a read runs.
///
/// It is usable from any thread. `Tests/StoreTests` is what each one must do.
public protocol EventRepository: AnyObject, Sendable {
    // MARK: Service

    /// Makes or migrates what there is, and brings it into service. Takes as long as a migration does.
    ///
    /// - Throws: `refused` when it is not to be touched; `failed` when a migration did not succeed, and then the
    ///   state says so too.
    func open() throws(SchemaError)

    /// Writes what waits, and leaves everything whole. Nothing can be read or written afterwards.
    func close()

    // MARK: State, from memory

    /// The schema's version and status.
    var schemaState: SchemaState { get }

    /// Why events cannot be stored at the moment; nil when they can.
    var unwritableReason: String? { get }

    /// Whether not even the newest event can be read.
    var isUnreadable: Bool { get }

    /// Whether what is kept was found damaged. It does not mend by itself.
    var isDamaged: Bool { get }

    /// How long events are kept, and how many.
    var retention: Retention { get }

    /// Events and their bytes that may wait to be written.
    var queueLimits: (events: Int, bytes: Int) { get }

    /// Figures since it was opened.
    var statistics: StoreStatistics { get }

    /// What its engine alone can tell.
    var engine: EngineReport { get }

    /// What is committed, as it is.
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

    /// How long a read may take on the thread that asks for it, and how long elsewhere.
    var readBudgets: (here: Duration, elsewhere: Duration) { get }

    /// A reader of its own for one thread, which may not wait; nil where this store cannot answer at once, so that
    /// all is read elsewhere.
    func makeLocalReader() throws(StoreError) -> (any LocalReader)?

    /// Whether a page of `query` may take longer than a local reader's thread has time.
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
