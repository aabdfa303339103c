import Dispatch
import EventStore
import Events
import Logging
import SQLite
import Synchronization
import System

/// The only writer. It takes everything that waits into one transaction, commits, and then answers
/// all of it: a client that is alone gets its own commit at once, sixty-four share one. What it does
/// for nobody in particular, such as checkpoints, are jobs that get short slices between commits.
///
/// `@unchecked Sendable`: the connection, its statements and the jobs are used on `queue` alone;
/// what waits is behind a lock.
final class EventWriter: @unchecked Sendable {
    /// Nobody else writes; what may hold a lock for a moment is a process that looks at the file.
    static let writerBusyTimeout: Int32 = 5000
    /// The WAL of a full disk must not take what is held for moving it: it is emptied after 1 MiB, and
    /// after 4 MiB jobs wait until reads let it be.
    private static let walPagesOfFullDisk = 256
    private static let fullDiskRest = DispatchTimeInterval.milliseconds(100)
    private static let retryAfterFailure = DispatchTimeInterval.seconds(1)
    private static let isDamaged = "the database file is damaged"
    private static let cannotWrite = "the database cannot be written"

    private let logger: Logger
    private let queue = DispatchQueue(label: "logbook.writer", qos: .userInitiated)
    private let waiting: WriteQueue
    private let commits: CommitFeed
    private let reads: OpenReads
    private let failure = Mutex<String?>(nil)
    /// What it has done so far.
    let figures = StoreFigures()

    private let reserve: DiskReserve
    /// For its own thread, where tests have it fail.
    let connection: Connection
    private let statements: EventStatements
    private let transaction: WriteTransaction
    private let clock: StoreClock
    private let space: FileSpace?
    private let jobs: WriterJobs
    private let checkpoints: CheckpointJob
    private let retention: RetentionJob
    private let backups: BackupJob
    private let deletions: DeletionJob
    private let indexing: IndexingJob
    private let path: String
    private let eventsPerCommit, frameBytes: Int
    /// When the queue looks after the jobs by itself.
    private var plannedLook = DispatchTime.distantFuture
    private var isRoundPlanned = false
    private var isClosed = false
    private var isReadOnly = false
    /// Whether a file beside the database has been written and synced. Before that nothing is written:
    /// a sync of the database that fails ends the process.
    private var isDiskTrusted = false

    /// Takes over the only connection that writes.
    ///
    /// - Parameters:
    ///   - now: the system's clock.
    init(
        _ configuration: StoreConfiguration, commits: CommitFeed, logger: Logger,
        reads: OpenReads = OpenReads(), now: @escaping () -> Timestamp
    ) throws(SQLiteError) {
        self.logger = logger
        self.reads = reads
        self.commits = commits
        path = configuration.path
        waiting = WriteQueue(events: configuration.queuedEvents, bytes: configuration.queuedBytes)
        reserve = try DiskReserve(database: configuration.path, bytes: configuration.reserveBytes)
        connection = try Self.connect(configuration)
        let pageBytes = Int(try connection.integer("PRAGMA page_size") ?? 4096)
        frameBytes = SpacePlan.frameBytes(pageBytes)
        let plan = SpacePlan(configuration, pageBytes: pageBytes, reserveBytes: reserve.bytes)
        try connection.execute(
            "PRAGMA cache_size=\(plan.cachePages); PRAGMA journal_size_limit=\(plan.walFileBytes)")
        let search = try SearchIndex(connection)
        search.reportContradiction = { error in
            logger.warning(
                "The search index is made anew, because it does not have what an event in it says: \(error)"
            )
        }
        statements = try EventStatements(connection, search)
        if let pages = plan.databasePages {
            space = try FileSpace(
                connection, statements, databasePages: pages, walPages: plan.walPages,
                logger: logger)
        } else {
            space = nil
        }
        eventsPerCommit = min(configuration.eventsPerCommit, max(1, plan.walPages / 16))
        clock = StoreClock(last: statements.receivedAt, wall: now)
        transaction = try WriteTransaction(connection, statements, space: space, clock: clock)
        jobs = WriterJobs(
            connection, logger: logger, figures: figures, reads: reads, space: space)
        checkpoints = CheckpointJob(
            connection, try WALMover(path: configuration.path, logger: logger), plan,
            pageBytes: pageBytes,
            figures: figures, reads: reads, reserve: reserve, logger: logger)
        retention = try RetentionJob(
            connection, statements, configuration, space: space, figures: figures, logger: logger,
            clock: clock
        ) { () throws(SQLiteError) in
            try SQLiteReader(path: configuration.path, logger: logger, reads: reads)
        }
        backups = BackupJob(connection)
        deletions = DeletionJob(connection, statements, space: space, reserve: reserve) {
            [commits, figures, count = retention.count] deleted in
            commits.note(lastSeq: commits.lastSeq)
            figures.noteDeleted(deleted)
            count?.note(-deleted)
        }
        indexing = IndexingJob(
            connection, search, try DocumentMaker(path: configuration.path), space: space,
            reserve: reserve, figures: figures)
        jobs.add(checkpoints)
        jobs.add(retention)
        jobs.add(backups)
        jobs.add(deletions)
        jobs.add(try ShrinkJob(connection, space: space, reserve: reserve))
        jobs.add(indexing)
        jobs.add(MergingJob(connection, search, space: space, reserve: reserve))
        jobs.add(
            try MeasuringJob(
                connection, path: configuration.path, figures: figures, reads: reads))
        // The first reading makes the WAL, whose name SQLite does not see to it that the disk keeps.
        _ = try connection.integer("SELECT count(*) FROM schema_version")
        commits.note(lastSeq: statements.nextSeq - 1)
        if !trustDisk() {
            _ = noteFailure(Self.diskDoesNotSync)
        } else if !reserve.restore() {
            _ = noteFailure(Self.diskIsFull)
        }
        // Some of them have something to do before anything is written.
        queue.async { [weak self] in self?.run() }
    }

    private static func connect(
        _ configuration: StoreConfiguration
    ) throws(SQLiteError) -> Connection {
        let connection = try Connection(configuration.path, .readWrite)
        connection.setBusyTimeout(milliseconds: writerBusyTimeout)
        guard try connection.text("PRAGMA journal_mode=WAL") == "wal" else {
            throw SQLiteError(
                extendedCode: SQLiteError.cannotOpen,
                message: "the file system does not carry a WAL")
        }
        // FULL syncs the WAL at every commit: https://sqlite.org/pragma.html#pragma_synchronous
        try connection.execute(
            """
            PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF
            """)
        connection.takeOverCheckpoints()
        return connection
    }

    private static let diskIsFull = SQLiteError(
        extendedCode: SQLiteError.full, message: "no room is left for --disk-reserve-bytes")

    private static let diskDoesNotSync = SQLiteError(
        extendedCode: SQLiteError.notSynced, message: "a file beside the database cannot be synced")

    /// Events that wait to be written, and their bytes.
    var queued: (events: Int, bytes: Int) { waiting.held }

    private static let shutdown = StoreError.unavailable("the service is shutting down")

    /// Why nothing can be written at the moment; nil when it can.
    var failureReason: String? {
        reads.haveFoundDamage ? Self.isDamaged : failure.withLock { $0 }
    }

    // MARK: From any thread

    /// Stores `events`, and replies once they are committed and synced, on the writer's thread.
    ///
    /// - Parameter allOrNothing: a conflict stores none of them.
    func append(
        _ events: [Event], allOrNothing: Bool, _ reply: @escaping Write.Reply<[AppendOutcome]>
    ) {
        submit(.append(events, allOrNothing: allOrNothing, reply))
    }

    /// Deletes the event with this id, and replies whether there was one.
    func delete(id: [UInt8], _ reply: @escaping Write.Reply<Bool>) {
        submit(.delete(id: id, reply))
    }

    /// Records that everything from `source` up to `moment` has arrived, and replies on the
    /// writer's thread.
    func noteObserved(
        _ source: String, upTo moment: Timestamp, _ reply: @escaping Write.Reply<Void>
    ) {
        submit(.observe(source: source, upTo: moment, reply))
    }

    /// Deletes the events with these numbers, in slices, and replies with how many there were, and
    /// with what ended it early: on the writer's thread.
    func delete(
        _ seqs: [Int64], _ reply: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        queue.async { [self] in
            guard !isClosed else { return reply(0, Self.shutdown) }
            guard isDiskTrusted else { return reply(0, .unavailable(Self.cannotWrite)) }
            deletions.delete(seqs) { [self] deleted, error in
                let reason = error.map { $0.isInterrupt ? Self.shutdown : noteFailure($0) }
                reply(deleted, reason)
            }
            jobs.wake(deletions)
            run()
        }
    }

    private func submit(_ write: Write) {
        switch waiting.add(write) {
        case .waits: break
        case .wakes: queue.async { self.run() }
        case .isFull:
            figures.noteQueueRefusal()
            write.fail(.unavailable("too many events wait to be written"))
        case .isClosed: write.fail(Self.shutdown)
        }
    }

    /// Begins a copy of the database to the new file at `path`; one at a time.
    func backUp(to path: String, _ completion: @escaping BackupJob.Completion) {
        queue.async { [self] in
            guard !isClosed else {
                return completion(
                    .failure(
                        SQLiteError(extendedCode: SQLiteError.interrupt, message: "shutting down")))
            }
            guard isDiskTrusted else { return completion(.failure(Self.diskDoesNotSync)) }
            backups.begin(to: path, completion)
            jobs.wake(backups)
            run()
        }
    }

    /// Writes what still waits, moves the WAL into the file, and takes no more.
    func close() {
        waiting.close()
        queue.sync {
            while let writes = waiting.take(upTo: eventsPerCommit) { write(writes) }
            backups.stop()
            deletions.stop()
            checkpoints.stop()
            indexing.stop()
            saveClock()
            do {
                if isDiskTrusted { _ = try connection.checkpoint(.truncate, orEnd: logger) }
            } catch {
                logger.warning(
                    "The last checkpoint failed; the next start goes on with the WAL: \(error)")
            }
            // Of a full disk the next process may need it.
            if reserve.isSpent { _ = reserve.restore() }
            isClosed = true
        }
    }

    private func saveClock() {
        guard failureReason == nil else { return }
        do {
            try connection.transaction { () throws(SQLiteError) in
                try statements.saveClock(clock.now())
            }
        } catch {
            logger.warning(
                "The store's clock was not saved; it goes on from the last event: \(error)")
        }
    }

    // MARK: On the queue

    /// Writes what waits, gives the jobs their slices, and comes back until nothing waits and no job is
    /// due. Between two rounds the queue has its turn: jobs may have hours of work, and a deletion, a
    /// backup and the end cannot wait for them.
    private func run() {
        guard !isClosed else { return }
        if reads.haveFoundDamage { changeNoMore() }
        if let writes = waiting.take(upTo: eventsPerCommit) { write(writes) }
        // Jobs write, too.
        let haveRoom = jobsHaveRoom()
        let isWorkLeft = isDiskTrusted && haveRoom && jobs.run()
        // A checkpoint may have spent it, too.
        if reserve.isSpent, failureReason == nil { _ = noteFailure(Self.diskIsFull) }
        guard !isWorkLeft, waiting.sleep() else { return planRound() }
        if haveRoom { planLook() } else { planRound(after: Self.fullDiskRest) }
    }

    /// Whether jobs may write: not while reads keep the WAL of a full disk from being emptied.
    private func jobsHaveRoom() -> Bool {
        guard reserve.isSpent, connection.walEnd > Self.walPagesOfFullDisk else { return true }
        checkpoints.makeRoom(stopping: .none)
        return connection.walEnd <= 4 * Self.walPagesOfFullDisk || reads.oldestAge == .zero
    }

    private func planRound(after rest: DispatchTimeInterval? = nil) {
        guard !isRoundPlanned else { return }
        isRoundPlanned = true
        let round: @Sendable () -> Void = { [weak self] in
            guard let self else { return }
            isRoundPlanned = false
            run()
        }
        if let rest {
            queue.asyncAfter(deadline: .now() + rest, execute: round)
        } else {
            queue.async(execute: round)
        }
    }

    /// Has the queue look after the jobs when the next one is due.
    private func planLook() {
        guard isDiskTrusted, let rest = jobs.timeUntilDue else { return }
        let look = DispatchTime.now() + .nanoseconds(Int(rest.inNanoseconds))
        guard look < plannedLook else { return }
        plannedLook = look
        queue.asyncAfter(deadline: look) { [weak self] in
            guard let self else { return }
            if plannedLook == look { plannedLook = .distantFuture }
            run()
        }
    }

    private func write(_ waiting: [Write], isAgain: Bool = false) {
        // Who sent the event shall keep it until the file has been restored.
        guard !reads.haveFoundDamage else {
            return waiting.forEach { $0.fail(.unavailable(Self.isDamaged)) }
        }
        guard isDiskTrusted else {
            return waiting.forEach { $0.fail(.unavailable(Self.cannotWrite)) }
        }
        // What is left of a full disk is for that which makes room.
        let writes = reserve.isSpent ? refuseAllButDeletions(waiting) : waiting
        do {
            if let space, space.isWALShort { checkpoints.makeRoom(stopping: .long) }
            let answers = try transaction.run(writes)
            commits.note(lastSeq: statements.nextSeq - 1)
            figures.noteCommit(transaction, walBytes: connection.walEnd * frameBytes)
            retention.count?.note(transaction.tally.gained)
            retention.noteRemoved(space?.removed ?? 0, .bytes)
            if !reserve.isSpent { noteSuccess() }
            let refused = reply(answers, isAgain: isAgain)
            if !refused.isEmpty {
                // Most often it is the WAL that is full, with what readers hold.
                checkpoints.makeRoom(stopping: .all)
                return write(refused, isAgain: true)
            }
        } catch  where space?.makeRoom(after: error) ?? false {
            return write(writes, isAgain: isAgain)
        } catch {
            let reason = noteFailure(error)
            if error.code == SQLiteError.full, reserve.spend() {
                checkpoints.makeRoom(stopping: .none)
                return write(writes)
            }
            for write in writes { write.fail(reason) }
        }
        commits.tell()
        if reserve.isSpent { checkpoints.makeRoom(stopping: .none) }
    }

    private func refuseAllButDeletions(_ writes: [Write]) -> [Write] {
        for write in writes where !write.isDeletion {
            write.fail(.unavailable("the disk is full"))
        }
        return writes.filter(\.isDeletion)
    }

    /// Answers what is done; what there was no room for only the second time.
    private func reply(_ answers: [WriteTransaction.Answer], isAgain: Bool) -> [Write] {
        var refused: [Write] = []
        for answer in answers {
            if case .refused(let write) = answer, !isAgain {
                refused.append(write)
            } else {
                answer.reply()
            }
        }
        return refused
    }

    // MARK: Trouble

    /// In a damaged file a deletion may spread the damage, whoever wants it; what has been committed
    /// still goes into the file (https://sqlite.org/pragma.html#pragma_query_only).
    private func changeNoMore() {
        guard !isReadOnly else { return }
        isReadOnly = true
        do { try connection.execute("PRAGMA query_only=ON") } catch {
            logger.error("The damaged database cannot be kept from being changed: \(error)")
        }
    }

    private func noteSuccess() {
        let before = failure.withLock { reason in
            let before = reason
            reason = nil
            return before
        }
        if before != nil { logger.notice("Writing works again") }
    }

    private func noteFailure(_ error: SQLiteError) -> StoreError {
        reads.note(error)
        let reason =
            error.code == SQLiteError.full
            ? "the disk is full"
            : reads.haveFoundDamage
                ? Self.isDamaged : Self.cannotWrite
        let isFirst = failure.withLock { failure in
            let isFirst = failure == nil
            failure = reason
            return isFirst
        }
        if isFirst {
            logger.error("Writing failed, events are refused until it works again: \(error)")
            // A damaged file does not mend, and a small write may well succeed in it.
            if !error.isDamage { planRetry() }
        }
        return .unavailable(reason)
    }

    /// While nothing can be written no traffic may come that would find out that it can again:
    /// tries by itself.
    private func planRetry() {
        queue.asyncAfter(deadline: .now() + Self.retryAfterFailure) { [weak self] in
            guard let self, failureReason != nil, !isClosed else { return }
            guard trustDisk() else { return planRetry() }
            if reserve.isSpent { checkpoints.makeRoom(stopping: .none) }
            guard reserve.restore() else {
                giveUpIndex()
                return planRetry()
            }
            do {
                try connection.transaction { () throws(SQLiteError) in
                    try connection.execute(
                        "UPDATE schema_version SET version = version WHERE version = (SELECT max(version) FROM schema_version)"
                    )
                }
                noteSuccess()
                run()
            } catch {
                planRetry()
            }
        }
    }

    /// What is deleted makes the search index larger, until segments are merged for which a full disk
    /// has no room. So where a deletion does not make room, the index gives up its pages, to be filled
    /// anew.
    private func giveUpIndex() {
        guard deletions.hasMetFullDisk else { return }
        deletions.hasMetFullDisk = false
        do {
            guard try statements.emptySearchIndex() else { return }
            logger.warning(
                "The search index has taken the room that a deletion is to make on the full disk: it is made anew"
            )
            // Its pages are given back to the disk.
            run()
        } catch {
            logger.warning("The search index cannot give up its room: \(error)")
        }
    }

    private func trustDisk() -> Bool {
        if isDiskTrusted { return true }
        guard reserve.canSync(), (try? Folder.sync(of: path)) != nil else { return false }
        isDiskTrusted = true
        return true
    }
}
