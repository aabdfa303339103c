import Dispatch
import EventStore
import Events
import Glibc
import Logging
import SQLite
import Synchronization

/// The store over a file of SQLite.
public final class SQLiteRepository: EventRepository {
    /// Its bounds and habits.
    public let configuration: StoreConfiguration
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let schema: SchemaManager
    private let state: Mutex<SchemaState>
    private let opened = Mutex(Opened())
    /// What is committed, as it is.
    public let commits = CommitFeed()
    private let reads = OpenReads()
    /// Deletions by filter that go on.
    private let deletions = Atomic<Int>(0)

    private struct Opened {
        var lock: DatabaseLock?
        var writer: EventWriter?
        var longReads: LongReads?
        var backups: OnlineBackups?
    }

    /// nil while the store is not open.
    var writer: EventWriter? { opened.withLock { $0.writer } }

    /// Prepares a store; `open` opens it.
    ///
    /// - Parameter now: the system's clock.
    public init(
        _ configuration: StoreConfiguration, logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        var resolved = configuration
        resolved.path = Folder.resolve(configuration.path)
        self.configuration = resolved
        self.logger = logger
        self.now = now
        schema = SchemaManager(
            path: resolved.path, backsUp: configuration.backsUpBeforeMigration, logger: logger,
            now: now)
        state = Mutex(SchemaState(version: 0, latest: schema.latest, status: .migrating))
    }

    /// Takes the file's lock, makes or migrates it, and brings the store into service. Takes as
    /// long as a migration does.
    public func open() throws(SchemaError) {
        do {
            let (lock, version) = try prepare()
            let writer = try makeWriter()
            opened.withLock {
                $0 = Opened(
                    lock: lock, writer: writer,
                    longReads: LongReads(configuration, logger: logger, reads: reads),
                    backups: OnlineBackups(database: configuration.path, logger: logger))
            }
            state.withLock { state in
                state.version = version
                state.status = .ready
            }
            let system = FileSystem.name(of: configuration.folder)
            logger.info(
                "\(configuration.path) is in service: schema version \(version), file system \(system), every commit synced (synchronous=FULL)"
            )
        } catch {
            state.withLock { $0.status = .failed }
            throw error
        }
    }

    /// Takes the file's lock and makes or migrates the file.
    private func prepare() throws(SchemaError) -> (DatabaseLock, version: Int) {
        if !configuration.allowsNetworkFileSystem {
            try NetworkFileSystem.refuse(configuration.path)
        }
        let lock = try DatabaseLock(
            database: configuration.path, timeout: configuration.lockTimeout, now: now(),
            logger: logger)
        let version = try schema.prepare { version in state.withLock { $0.version = version } }
        return (lock, version)
    }

    /// Brings the file to the latest version, under the lock that `open` takes, and does nothing else.
    ///
    /// - Returns: the version in force.
    public func migrate() throws(SchemaError) -> Int {
        let (lock, version) = try prepare()
        withExtendedLifetime(lock) {}
        return version
    }

    private func makeWriter() throws(SchemaError) -> EventWriter {
        do {
            return try EventWriter(
                configuration, commits: commits, logger: logger, reads: reads, now: now)
        } catch {
            throw .failed("Cannot open \(configuration.path) for writing: \(error)")
        }
    }

    /// Writes what waits and leaves the file whole, without a WAL. Nothing can be read or written
    /// afterwards.
    public func close() {
        let closing = opened.withLock { opened in
            let closing = opened
            opened = Opened()
            return closing
        }
        // The lock goes last, with the end of this scope.
        closing.writer?.close()
        withExtendedLifetime(closing.lock) {}
    }

    // MARK: State, from memory

    /// The schema's version and status.
    public var schemaState: SchemaState { state.withLock { $0 } }

    /// Why events cannot be stored at the moment; nil when they can.
    public var unwritableReason: String? {
        guard let writer else { return nil }
        return writer.failureReason
    }

    /// Whether not even the newest event can be read.
    public var isUnreadable: Bool { reads.isNewestUnreadable }

    /// Whether anybody has found the file damaged. It does not mend by itself.
    public var isDamaged: Bool { reads.haveFoundDamage }

    // MARK: Writing

    /// Stores `events`. The reply comes once they are committed and synced, on the writer's thread
    /// and before `afterReplies`; a failure comes on any thread, and at any time.
    ///
    /// - Parameter allOrNothing: a conflict stores none of them.
    public func append(
        _ events: [Event], allOrNothing: Bool,
        reply: @escaping @Sendable (AppendResult) -> Void
    ) {
        guard let writer else {
            return reply(.failure(notOpen))
        }
        writer.append(events, allOrNothing: allOrNothing, reply)
    }

    /// Deletes the event with this id; the reply says whether there was one.
    public func delete(id: [UInt8], reply: @escaping @Sendable (Result<Bool, StoreError>) -> Void) {
        guard let writer else {
            return reply(.failure(notOpen))
        }
        writer.delete(id: id, reply)
    }

    /// Deletes the events that `query` asks for, and none that is stored from now on.
    public func delete(
        _ query: EventQuery, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        delete(
            query, upTo: commits.lastSeq, for: client, stopReason: stopReason,
            completion: completion)
    }

    /// Deletes the events that `query` asks for, as far as they are numbered up to `lastSeq`.
    func delete(
        _ query: EventQuery, upTo lastSeq: Int64, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        guard let writer else { return completion(0, notOpen) }
        guard deletions.add(1, ordering: .relaxed).newValue <= BulkDeletion.most else {
            deletions.subtract(1, ordering: .relaxed)
            return completion(
                0, .unavailable("\(BulkDeletion.most) deletions by filter go on already"))
        }
        let deletion = BulkDeletion(
            repository: self, writer: writer, lastSeq: lastSeq, client: client,
            stopReason: stopReason
        ) { [self] deleted, error in
            deletions.subtract(1, ordering: .relaxed)
            completion(deleted, error)
        }
        deletion.run(query.fromTheStart)
    }

    // MARK: Reading

    /// A reader of its own for one thread; SQLite always answers at once.
    public func makeLocalReader() throws(StoreError) -> (any LocalReader)? { try makeReader() }

    /// Whether a page of `query` may take longer than an event loop has time.
    public func mayTakeLong(_ query: EventQuery) -> Bool { SQLiteReader.mayTakeLong(query) }

    /// A reader of its own for one thread.
    func makeReader() throws(StoreError) -> SQLiteReader {
        guard writer != nil else { throw notOpen }
        return try SQLiteReader.open(configuration.path, logger: logger, reads: reads)
    }

    /// Has `body` run with a reader on a thread where it may take time; false when too many wait
    /// already. The reader ends with an error when `request` is cancelled, or its time is over.
    public func readElsewhere(
        for request: ReadRequest,
        _ body: @escaping @Sendable (Result<any EventReader, StoreError>) -> Void
    ) -> Bool {
        guard let longReads = opened.withLock({ $0.longReads }) else {
            body(.failure(notOpen))
            return true
        }
        return longReads.submit(request) { body($0.map { $0 as any EventReader }) }
    }

    /// How long a read may take on the thread that asks for it, and how long elsewhere.
    public var readBudgets: (here: Duration, elsewhere: Duration) {
        (configuration.readBudget, configuration.queryTimeLimit)
    }

    private var notOpen: StoreError {
        switch schemaState.status {
        case .migrating: .unavailable("the database is being opened or migrated")
        case .failed: .unavailable("the database could not be brought to its latest version")
        case .ready: .unavailable("the service is shutting down")
        }
    }

    // MARK: The file

    /// Makes a copy of the database for `client` while events come in, and checks it: one at a time,
    /// and of each client one until it lets go of the file. The completion comes on any thread.
    public func backUp(
        for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void
    ) {
        let (writer, backups) = opened.withLock { ($0.writer, $0.backups) }
        guard let writer, let backups else { return completion(.failure(notOpen)) }
        backups.make(writer, for: client, completion)
    }

    /// Figures since it was opened.
    public var statistics: StoreStatistics {
        let writer = writer
        var statistics = writer?.figures.current ?? StoreStatistics()
        if let writer { statistics.queued = writer.queued }
        return statistics
    }

    /// What SQLite alone can tell.
    public var sqliteStatistics: SQLiteStatistics {
        let writer = writer
        var statistics = writer?.figures.currentOwn ?? SQLiteStatistics()
        statistics.oldestReader = reads.oldestAge
        return statistics
    }

    /// What SQLite alone can tell.
    public var engine: EngineReport {
        sqliteStatistics.report(configuration, files: fileSizes)
    }

    /// How long events are kept, and how many.
    public var retention: Retention { configuration.retention }

    /// Events that may wait to be written, and their bytes.
    public var queueLimits: (events: Int, bytes: Int) {
        (configuration.queuedEvents, configuration.queuedBytes)
    }

    /// Bytes of the database and of its WAL.
    var fileSizes: (database: Int64, wal: Int64) { StoreSizes.files(configuration.path) }

    /// The version of SQLite that is linked.
    public static var sqliteVersion: String { Connection.libraryVersion }
}
