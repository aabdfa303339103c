public import Events

/// A store of events as the rest of the program sees it. It shows no engine's types and does not
/// say which thread a read runs on.
///
/// Usable from any thread. Every store must pass `Tests/StoreTests`.
public protocol EventRepository: AnyObject, Sendable {
    // MARK: Service

    /// Creates or migrates the database and brings it into service. Takes as long as the migration.
    ///
    /// - Throws: `refused` if the database must not be touched; `failed` if a migration failed,
    ///   which `schemaState` then reports too.
    func open() throws(SchemaError)

    /// Writes everything that is queued and closes the database. Nothing can be read or written
    /// afterwards.
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

    /// Limits on the age and the number of events.
    var retention: Retention { get }

    /// The most events, and the most bytes, that may be queued for writing.
    var queueLimits: (events: Int, bytes: Int) { get }

    /// Figures since the store was opened.
    var statistics: StoreStatistics { get }

    /// Figures that only this engine has.
    var engine: EngineReport { get }

    /// The feed of commits.
    var commits: CommitFeed { get }

    /// The right to do what only one process with this database may do at a time.
    var leadership: Leadership { get }

    // MARK: Writing

    /// Stores `events`. The reply comes once they are committed and synced, and before subscribers
    /// of `commits` are told. A failure may come on any thread at any time.
    ///
    /// A revision that does not raise the count of its series, and that `repeats` a stored one, is
    /// a duplicate of it, as far as the store looks back.
    ///
    /// - Parameter allOrNothing: a conflict stores none of them.
    func append(
        _ events: [Event], allOrNothing: Bool, reply: @escaping @Sendable (AppendResult) -> Void)

    /// Deletes the event with this id; the reply is true if there was one.
    func delete(id: [UInt8], reply: @escaping @Sendable (Result<Bool, StoreError>) -> Void)

    /// Deletes the events that match `query`, ignoring its limit and cursor, but none stored from
    /// now on. The completion comes on any thread, once all are deleted and synced or the deletion
    /// cannot continue, with the number deleted so far.
    ///
    /// - Parameter stopReason: called from time to time; a result ends the deletion.
    func delete(
        _ query: EventQuery, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void)

    /// Records for the next process that everything from `source` up to `moment` has arrived. The
    /// reply comes once that is synced.
    func noteObserved(
        _ source: String, upTo moment: Timestamp,
        reply: @escaping @Sendable (Result<Void, StoreError>) -> Void)

    // MARK: Reading

    /// Time limits of a read: on the calling thread, and elsewhere.
    var readBudgets: (here: Duration, elsewhere: Duration) { get }

    /// Makes a reader for one thread that must not block. Returns nil if this store cannot answer
    /// at once; everything is then read elsewhere.
    func makeLocalReader() throws(StoreError) -> (any LocalReader)?

    /// Returns true if a page of `query` may take longer than a local reader may.
    func mayTakeLong(_ query: EventQuery) -> Bool

    /// Runs `body` with a reader on a thread that may take its time; false if too many reads wait
    /// already. The read ends with an error when `request` is canceled or out of time.
    func readElsewhere(
        for request: ReadRequest,
        _ body: @escaping @Sendable (Result<any EventReader, StoreError>) -> Void
    ) -> Bool

    /// Makes a verified copy of everything for `client` while events come in. Only one copy is made
    /// at a time, and each client may hold one. The completion comes on any thread.
    func backUp(
        for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void)
}

extension EventRepository {
    /// Stores `events`; a conflict affects only itself.
    public func append(
        _ events: [Event], reply: @escaping @Sendable (AppendResult) -> Void
    ) {
        append(events, allOrNothing: false, reply: reply)
    }
}

/// The outcome of storing one event.
public enum AppendOutcome: Sendable {
    /// Committed and synced, with this receipt. If all or nothing was asked for and another event
    /// conflicts, it was not stored after all.
    case stored(EventReceipt)
    /// Already stored, as this event; a revision possibly under an earlier version's id.
    case duplicate(Event, EventReceipt)
    /// The id is already stored with other content.
    case conflict
}

/// The outcomes of storing events, in their order. On failure, none of them was stored.
public typealias AppendResult = Result<[AppendOutcome], StoreError>

/// A verified copy of everything in a store, deleted with the last reference.
public protocol BackupContent: Sendable {
    /// The length in bytes.
    var bytes: Int64 { get }

    /// The file name to save it under.
    var fileName: StaticString { get }

    /// The media type.
    var mediaType: StaticString { get }

    /// Reads up to `count` bytes from `offset`, fewer at the end; nil if they cannot be read. May
    /// block.
    func read(at offset: Int64, _ count: Int) -> [UInt8]?
}
