import Dispatch
public import EventStore
public import Events
import Glibc
public import Logging
import SQLite
import Synchronization

/// A store in an SQLite file.
public final class SQLiteRepository: EventRepository {
    /// The store's limits and settings.
    public let configuration: StoreConfiguration
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let schema: SchemaManager
    private let state: Mutex<SchemaState>
    private let opened = Mutex(Opened())
    /// The feed of commits.
    public let commits = CommitFeed()
    /// Always held while the store is open: the file is locked.
    public let leadership = Leadership()
    private let reads = OpenReads()
    private let deletions = BulkDeletions()

    private struct Opened {
        var lock: DatabaseLock?
        var writer: EventWriter?
        var reads: ReadThreads<SQLiteReader>?
        var backups: OnlineBackups?
    }

    /// The writer; nil while the store is not open.
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

    /// Locks the file, creates or migrates it, and brings the store into service. Takes as long as
    /// the migration.
    public func open() throws(SchemaError) {
        do {
            let (lock, version) = try prepare()
            let writer = try makeWriter()
            opened.withLock {
                $0 = Opened(
                    lock: lock, writer: writer,
                    reads: makeReadThreads(),
                    backups: OnlineBackups(database: configuration.path, logger: logger))
            }
            state.withLock { state in
                state.version = version
                state.status = .ready
            }
            leadership.begin()
            let system = FileSystem.name(of: configuration.folder)
            logger.info(
                "\(configuration.path) is in service: schema version \(version), file system \(system), every commit synced (synchronous=FULL)"
            )
        } catch {
            state.withLock { $0.status = .failed }
            throw error
        }
    }

    /// Locks the file, and creates or migrates it.
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

    /// Migrates the file to the latest version, under the lock that `open` takes, and does nothing
    /// else.
    ///
    /// - Returns: the version in force.
    public func migrate() throws(SchemaError) -> Int {
        let (lock, version) = try prepare()
        withExtendedLifetime(lock) {}
        return version
    }

    private func makeReadThreads() -> ReadThreads<SQLiteReader> {
        ReadThreads(
            makeReader: { [path = configuration.path, logger, reads] () throws(StoreError) in
                try SQLiteReader.open(path, logger: logger, reads: reads)
            },
            serve: { $0.serve($1, $2) })
    }

    private func makeWriter() throws(SchemaError) -> EventWriter {
        do {
            return try EventWriter(
                configuration, commits: commits, logger: logger, reads: reads, now: now)
        } catch {
            throw .failed("Cannot open \(configuration.path) for writing: \(error)")
        }
    }

    /// Writes everything that is queued and leaves the file complete, without a WAL. Nothing can be
    /// read or written afterwards.
    public func close() {
        let closing = opened.withLock { opened in
            let closing = opened
            opened = Opened()
            return closing
        }
        // The lock is released last, at the end of this scope.
        closing.writer?.close()
        withExtendedLifetime(closing.lock) {}
    }

    // MARK: State, from memory

    /// The schema's version and status.
    public var schemaState: SchemaState { state.withLock { $0 } }

    /// The reason that events cannot be stored at the moment; nil if they can.
    public var unwritableReason: String? {
        guard let writer else { return nil }
        return writer.failureReason
    }

    /// True if not even the newest event can be read.
    public var isUnreadable: Bool { reads.isNewestUnreadable }

    /// True once anyone has found the file damaged. It never becomes false again.
    public var isDamaged: Bool { reads.haveFoundDamage }

    // MARK: Writing

    /// Stores `events`. The reply comes once they are committed and synced, on the writer's thread
    /// and before `afterReplies`; a failure may come on any thread at any time.
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

    /// Deletes the event with this id; the reply is true if there was one.
    public func delete(id: [UInt8], reply: @escaping @Sendable (Result<Bool, StoreError>) -> Void) {
        guard let writer else {
            return reply(.failure(notOpen))
        }
        writer.delete(id: id, reply)
    }

    /// Deletes the events that match `query`, but none stored from now on.
    public func delete(
        _ query: EventQuery, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        delete(
            query, upTo: commits.lastSeq, for: client, stopReason: stopReason,
            completion: completion)
    }

    /// Deletes the events that match `query` with a seq of at most `lastSeq`.
    func delete(
        _ query: EventQuery, upTo lastSeq: Int64, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        guard let writer else { return completion(0, notOpen) }
        deletions.start(
            query, in: self, upTo: lastSeq, for: client, stopReason: stopReason,
            deleteEvents: { seqs, reply in writer.delete(seqs, reply) }, completion: completion)
    }

    /// Records that everything from `source` up to `moment` has arrived.
    public func noteObserved(
        _ source: String, upTo moment: Timestamp,
        reply: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        guard let writer else {
            return reply(.failure(notOpen))
        }
        writer.noteObserved(source, upTo: moment, reply)
    }

    // MARK: Reading

    /// Makes a reader for one thread. SQLite always answers at once.
    public func makeLocalReader() throws(StoreError) -> (any LocalReader)? { try makeReader() }

    /// True if a page of `query` may take too long for an event loop.
    public func mayTakeLong(_ query: EventQuery) -> Bool { SQLiteReader.mayTakeLong(query) }

    /// Makes a reader for one thread.
    func makeReader() throws(StoreError) -> SQLiteReader {
        guard writer != nil else { throw notOpen }
        return try SQLiteReader.open(configuration.path, logger: logger, reads: reads)
    }

    /// Runs `body` with a reader on a thread that may take its time; false if too many reads wait
    /// already. The read ends with an error when `request` is canceled or out of time.
    public func readElsewhere(
        for request: ReadRequest,
        _ body: @escaping @Sendable (Result<any EventReader, StoreError>) -> Void
    ) -> Bool {
        guard let threads = opened.withLock({ $0.reads }) else {
            body(.failure(notOpen))
            return true
        }
        return threads.submit(request, body)
    }

    /// Time limits of a read: on the calling thread, and elsewhere.
    public var readBudgets: (here: Duration, elsewhere: Duration) {
        (configuration.readBudget, configuration.queryTimeLimit)
    }

    private var notOpen: StoreError { schemaState.refusal }

    // MARK: The file

    /// Makes a verified copy of the database for `client` while events come in. Only one copy is
    /// made at a time, and each client may hold one. The completion comes on any thread.
    public func backUp(
        for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void
    ) {
        let (writer, backups) = opened.withLock { ($0.writer, $0.backups) }
        guard let writer, let backups else { return completion(.failure(notOpen)) }
        backups.make(writer, for: client, completion)
    }

    /// Figures since the store was opened.
    public var statistics: StoreStatistics {
        let writer = writer
        var statistics = writer?.figures.current ?? StoreStatistics()
        if let writer { statistics.queued = writer.queued }
        return statistics
    }

    /// Figures that only SQLite has.
    public var sqliteStatistics: SQLiteStatistics {
        let writer = writer
        var statistics = writer?.figures.currentOwn ?? SQLiteStatistics()
        statistics.oldestReader = reads.oldestAge
        return statistics
    }

    /// Figures that only SQLite has, as a report.
    public var engine: EngineReport {
        sqliteStatistics.report(configuration, files: fileSizes)
    }

    /// Limits on the age and the number of events.
    public var retention: Retention { configuration.retention }

    /// The most events, and the most bytes, that may be queued for writing.
    public var queueLimits: (events: Int, bytes: Int) {
        (configuration.queuedEvents, configuration.queuedBytes)
    }

    /// Bytes of the database and of its WAL.
    var fileSizes: (database: Int64, wal: Int64) { StoreSizes.files(configuration.path) }

    /// The version of the linked SQLite.
    public static var sqliteVersion: String { Connection.libraryVersion }
}
