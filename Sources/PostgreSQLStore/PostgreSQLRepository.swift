import CLinux
public import EventStore
public import Events
import Glibc
public import Logging
import PostgreSQL
import Synchronization
import System

/// A store in PostgreSQL, which several processes may share.
public final class PostgreSQLRepository: EventRepository {
    /// The store's limits and settings.
    public let configuration: PostgreSQLConfiguration
    private let logger: Logger
    private let state = Mutex(
        SchemaState(version: 0, latest: PostgreSQLSchema.latest, status: .migrating))
    private let opened = Mutex(Opened())
    private let head = Head()
    private let availability: Availability
    /// The right to do what only one process at a time does.
    public let leadership = Leadership()
    private let tallyBytes = SharedTally()
    private let deletions = BulkDeletions()
    private let serverVersion = Mutex("")

    private struct Opened {
        var writer: PostgreSQLWriter?
        var reads: ReadThreads<PostgreSQLReader>?
        var lookout: Lookout?
        var isClosed = false
    }

    private var writer: PostgreSQLWriter? { opened.withLock { $0.writer } }

    /// Prepares a store; `open` opens it.
    public init(_ configuration: PostgreSQLConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        availability = Availability(logger: logger)
    }

    // MARK: Service

    /// The longest that one attempt to open may take.
    private static let patience: UInt64 = 60_000_000_000
    private static let pause: UInt32 = 1_000_000

    /// Waits for the server, makes or checks the tables, and brings the store into service.
    public func open() throws(SchemaError) {
        do throws(SchemaError) {
            let version = try prepare()
            let writer = PostgreSQLWriter(
                configuration, head: head, availability: availability, logger: logger)
            let lookout = Lookout(
                configuration, head: head, availability: availability, writer: writer,
                leader: leadership, logger: logger)
            let reads = ReadThreads(
                makeReader: {
                    [address = configuration.address, tallyBytes, logger]
                    () throws(StoreError) in
                    PostgreSQLReader(address, tallyBytes: tallyBytes, logger: logger)
                },
                serve: { $0.serve($1, $2) })
            let isOpen = opened.withLock { opened in
                guard !opened.isClosed else { return false }
                opened = Opened(writer: writer, reads: reads, lookout: lookout)
                return true
            }
            guard isOpen else { throw SchemaError.failed("the service is shutting down") }
            lookout.start()
            state.withLock { state in
                state.version = version
                state.status = .ready
            }
            logger.info("\(configuration.address) is in service: schema version \(version)")
        } catch {
            state.withLock { $0.status = .failed }
            throw error
        }
    }

    /// Makes or checks the tables, as soon as the server can be reached.
    private func prepare() throws(SchemaError) -> Int {
        let schema = PostgreSQLSchema(configuration.address, logger: logger)
        var hasTold = false
        while true {
            do {
                let deadline = clinux_monotonic_nanoseconds() + Self.patience
                let connection = try PostgreSQLConnection(
                    configuration.address, deadline: deadline)
                let version = try schema.prepare(connection, deadline: deadline)
                serverVersion.withLock { $0 = connection.parameter("server_version") ?? "" }
                try Epoch.check(
                    connection, seen: head,
                    requiresReplication: configuration.requiresReplication, deadline: deadline)
                return version
            } catch let error as SchemaError {
                throw error
            } catch let error as PostgreSQLError where error.mayPass {
                if !hasTold {
                    logger.warning("\(configuration.address) cannot be reached yet: \(error)")
                }
                hasTold = true
                guard !opened.withLock({ $0.isClosed }) else {
                    throw .failed("the service is shutting down")
                }
                usleep(Self.pause)
            } catch {
                throw .failed("Opening \(configuration.address) failed: \(error)")
            }
        }
    }

    /// Writes everything that is queued. Nothing can be read or written afterwards.
    public func close() {
        let closing = opened.withLock { opened in
            let closing = opened
            opened = Opened(isClosed: true)
            return closing
        }
        closing.lookout?.close()
        closing.writer?.close()
    }

    // MARK: State, from memory

    /// The schema's version and status.
    public var schemaState: SchemaState { state.withLock { $0 } }

    /// The reason that events cannot be stored at the moment; nil if they can.
    public var unwritableReason: String? { availability.reason }

    /// False: a server that cannot be read cannot be written either, and `unwritableReason` says so.
    public var isUnreadable: Bool { false }

    /// False: PostgreSQL looks after its own files.
    public var isDamaged: Bool { false }

    /// Limits on the age and the number of events.
    public var retention: Retention { configuration.retention }

    /// The most events, and the most bytes, that may be queued for writing.
    public var queueLimits: (events: Int, bytes: Int) {
        (configuration.queuedEvents, configuration.queuedBytes)
    }

    /// Figures since the store was opened.
    public var statistics: StoreStatistics { writer?.statistics ?? StoreStatistics() }

    /// Figures that only PostgreSQL has.
    public var engine: EngineReport {
        var report = EngineReport(
            version: ("postgresql_version", serverVersion.withLock { $0 }))
        report.metrics = [
            EngineMetric(
                "logbook_store_leader",
                "1 while this process does what one at a time does: retention and watching.",
                .gauge(leadership.isHeld ? 1 : 0)),
            EngineMetric(
                "logbook_store_epoch",
                "Epoch of the order of events; a failover that lost some raises it.",
                .gauge(Int(head.epoch))),
        ]
        return report
    }

    /// The feed of commits, by this process and by others.
    public var commits: CommitFeed { head.commits }

    private var notOpen: StoreError {
        opened.withLock { $0.isClosed } ? .shutdown : schemaState.refusal
    }

    // MARK: Writing

    /// Stores `events`. The reply comes once they are committed, with `synchronous_commit` at least
    /// `on`.
    public func append(
        _ events: [Event], allOrNothing: Bool, reply: @escaping @Sendable (AppendResult) -> Void
    ) {
        submit(.append(events, allOrNothing: allOrNothing, reply))
    }

    /// Deletes the event with this id; the reply is true if there was one.
    public func delete(id: [UInt8], reply: @escaping @Sendable (Result<Bool, StoreError>) -> Void) {
        guard EventRules.isID(String(decoding: id, as: UTF8.self)) else {
            return reply(.success(false))
        }
        submit(.delete(id: id, reply))
    }

    /// Records that everything from `source` up to `moment` has arrived.
    public func noteObserved(
        _ source: String, upTo moment: Timestamp,
        reply: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        submit(.observe(source: source, upTo: moment, reply))
    }

    private func submit(_ write: Write) {
        guard let writer else { return write.fail(notOpen) }
        writer.submit(write)
    }

    /// Deletes the events that match `query`, but none stored from now on.
    public func delete(
        _ query: EventQuery, for client: UInt64,
        stopReason: @escaping @Sendable () -> StoreError?,
        completion: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        guard let writer else { return completion(0, notOpen) }
        deletions.start(
            query, in: self, upTo: commits.lastSeq, for: client, stopReason: stopReason,
            deleteEvents: { seqs, reply in writer.delete(seqs, reply) }, completion: completion)
    }

    // MARK: Reading

    /// Time limits of a read; nothing is read on the calling thread.
    public var readBudgets: (here: Duration, elsewhere: Duration) {
        (.zero, configuration.queryTimeLimit)
    }

    /// Nil: each read is a round trip.
    public func makeLocalReader() throws(StoreError) -> (any LocalReader)? { nil }

    /// True: each read is a round trip.
    public func mayTakeLong(_ query: EventQuery) -> Bool { true }

    /// Runs `body` with a reader on a thread that may take its time; false if too many reads wait
    /// already.
    public func readElsewhere(
        for request: ReadRequest,
        _ body: @escaping @Sendable (Result<any EventReader, StoreError>) -> Void
    ) -> Bool {
        guard let reads = opened.withLock({ $0.reads }) else {
            body(.failure(notOpen))
            return true
        }
        return reads.submit(request, body)
    }

    /// Fails: the database has backups of its own.
    public func backUp(
        for client: UInt64,
        _ completion: @escaping @Sendable (Result<any BackupContent, StoreError>) -> Void
    ) {
        completion(.failure(.unsupported("PostgreSQL has backups of its own")))
    }
}
