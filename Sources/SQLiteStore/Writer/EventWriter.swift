import Dispatch
import EventStore
import Events
import Logging
import SQLite
import System

/// The only writer. It takes the whole queue into one transaction, commits, and then answers all of
/// it: a single client gets its own commit at once, sixty-four share one. Background work, such as
/// checkpoints, is done by jobs in short slices between commits.
///
/// `@unchecked Sendable`: the connection, its statements and the jobs are used only on `queue`; the
/// waiting writes are behind a lock.
final class EventWriter: @unchecked Sendable {
    private static let fullDiskRest = DispatchTimeInterval.milliseconds(100)
    private static let retryAfterFailure = DispatchTimeInterval.seconds(1)

    private let logger: Logger
    private let queue = DispatchQueue(label: "logbook.writer", qos: .userInitiated)
    private let waiting: WriteQueue
    private let commits: CommitFeed
    private let failure: WriteFailure
    /// The figures so far.
    let figures = StoreFigures()

    /// For the writer's thread. Tests make it fail.
    let connection: Connection
    private let statements: EventStatements
    private let transaction: WriteTransaction
    private let clock: StoreClock
    private let room: DiskRoom
    private let jobs: WriterJobs
    private let eventsPerCommit: Int
    /// The time at which the queue checks the jobs by itself.
    private var plannedLook = DispatchTime.distantFuture
    private var isRoundPlanned = false
    private var isClosed = false
    private var isReadOnly = false

    /// Takes over the only connection that writes.
    ///
    /// - Parameter now: the system's clock.
    init(
        _ configuration: StoreConfiguration, commits: CommitFeed, logger: Logger,
        reads: OpenReads = OpenReads(), now: @escaping () -> Timestamp
    ) throws(SQLiteError) {
        self.logger = logger
        self.commits = commits
        failure = WriteFailure(reads: reads, logger: logger)
        waiting = WriteQueue(events: configuration.queuedEvents, bytes: configuration.queuedBytes)
        // First, because it releases the room that an earlier process reserved.
        let reserve = try DiskReserve(
            database: configuration.path, bytes: configuration.reserveBytes)
        connection = try .forWriting(configuration.path)
        let search = try SearchIndex(connection)
        search.reportContradiction = { error in
            logger.warning(
                "The search index is being rebuilt, because it disagrees with an event: \(error)"
            )
        }
        statements = try EventStatements(connection, search)
        clock = StoreClock(last: statements.receivedAt, wall: now)
        let plan = SpacePlan(
            configuration, pageBytes: Int(try connection.integer("PRAGMA page_size") ?? 4096),
            reserveBytes: reserve.bytes)
        eventsPerCommit = min(configuration.eventsPerCommit, max(1, plan.walPages / 16))
        room = try DiskRoom(
            connection, statements, plan, reserve, path: configuration.path, figures: figures,
            reads: reads, logger: logger)
        transaction = try WriteTransaction(connection, statements, room, clock)
        jobs = try WriterJobs(
            connection, statements, search, room, clock, configuration, commits: commits,
            figures: figures, reads: reads, logger: logger)
        // The first read creates the WAL, and SQLite does not make sure that the disk keeps its
        // name.
        _ = try connection.integer("SELECT count(*) FROM schema_version")
        commits.note(lastSeq: statements.nextSeq - 1)
        do { try room.claim() } catch { _ = noteFailure(error) }
        // Some jobs have work before anything is written.
        queue.async { [weak self] in self?.run() }
    }

    /// The events waiting to be written, and their bytes.
    var queued: (events: Int, bytes: Int) { waiting.held }

    /// The reason nothing can be written at the moment; nil if it can.
    var failureReason: String? { failure.reason }

    // MARK: From any thread

    /// Stores `events` and replies once they are committed and synced, on the writer's thread.
    ///
    /// - Parameter allOrNothing: a conflict stores none of them.
    func append(
        _ events: [Event], allOrNothing: Bool, _ reply: @escaping Write.Reply<[AppendOutcome]>
    ) {
        submit(.append(events, allOrNothing: allOrNothing, reply))
    }

    /// Deletes the event with this id; the reply is true if there was one.
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

    /// Deletes the events with these seqs in slices; replies on the writer's thread with the number
    /// deleted and the error that ended it early.
    func delete(
        _ seqs: [Int64], _ reply: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        queue.async { [self] in
            guard !isClosed else { return reply(0, StoreError.shutdown) }
            guard room.isTrusted else { return reply(0, failure.refusal) }
            jobs.delete(seqs) { [self] deleted, error in
                let reason = error.map { $0.isInterrupt ? StoreError.shutdown : noteFailure($0) }
                reply(deleted, reason)
            }
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
        case .isClosed: write.fail(StoreError.shutdown)
        }
    }

    /// Begins a copy of the database to a new file at `path`; only one at a time.
    func backUp(to path: String, _ completion: @escaping BackupJob.Completion) {
        queue.async { [self] in
            guard !isClosed else {
                return completion(
                    .failure(
                        SQLiteError(extendedCode: SQLiteError.interrupt, message: "shutting down")))
            }
            guard room.isTrusted else { return completion(.failure(DiskRoom.diskDoesNotSync)) }
            jobs.backUp(to: path, completion)
            run()
        }
    }

    /// Writes everything that is queued, moves the WAL into the file, and takes no more.
    func close() {
        waiting.close()
        queue.sync {
            while let writes = waiting.take(upTo: eventsPerCommit) { write(writes) }
            jobs.stop()
            saveClock()
            room.close()
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

    /// Writes the queue, gives the jobs their slices, and repeats until the queue is empty and no
    /// job is due. Other blocks run between two rounds, because jobs may have hours of work, and a
    /// deletion, a backup and the end cannot wait for them.
    private func run() {
        guard !isClosed else { return }
        if failure.isOfDamage { changeNoMore() }
        if let writes = waiting.take(upTo: eventsPerCommit) { write(writes) }
        // Jobs write too.
        let haveRoom = room.hasRoomForJobs()
        let isWorkLeft = room.isTrusted && haveRoom && jobs.run()
        // A checkpoint may have spent the reserve, too.
        if room.isDiskFull, failureReason == nil { _ = noteFailure(DiskRoom.diskIsFull) }
        guard !isWorkLeft, waiting.sleep() else { return planRound() }
        if haveRoom { planLook() } else { planRound(after: Self.fullDiskRest) }
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

    /// Makes the queue check the jobs when the next one is due.
    private func planLook() {
        guard room.isTrusted, let rest = jobs.timeUntilDue else { return }
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
        // Nothing goes into a damaged file: senders keep their events until it is restored.
        guard room.isTrusted, !failure.isOfDamage else {
            return waiting.forEach { $0.fail(failure.refusal) }
        }
        // The rest of a full disk is for freeing space.
        let writes = room.isDiskFull ? refuseAllButDeletions(waiting) : waiting
        do {
            room.make(for: .nextCommit)
            let answers = try transaction.run(writes)
            noteCommit()
            let refused = reply(answers, isAgain: isAgain)
            if !refused.isEmpty {
                room.make(for: .refusedRequests)
                return write(refused, isAgain: true)
            }
        } catch {
            if room.make(after: error, fromReserve: true) {
                if room.isDiskFull { _ = noteFailure(error) }
                return write(writes, isAgain: isAgain)
            }
            let reason = noteFailure(error)
            for write in writes { write.fail(reason) }
        }
        commits.tell()
        room.make(for: .fullDisk)
    }

    private func noteCommit() {
        commits.note(lastSeq: statements.nextSeq - 1)
        figures.noteCommit(
            transaction.tally, time: transaction.time, syncTime: transaction.syncTime,
            walBytes: room.walBytes)
        jobs.noteCommit(transaction.tally, removed: room.removed)
        if !room.isDiskFull { failure.end() }
    }

    private func refuseAllButDeletions(_ writes: [Write]) -> [Write] {
        for write in writes where !write.isDeletion {
            write.fail(.unavailable("the disk is full"))
        }
        return writes.filter(\.isDeletion)
    }

    /// Answers what is done. Writes that did not fit are answered only the second time.
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

    /// In a damaged file any deletion may spread the damage. Committed changes still go into the
    /// file (https://sqlite.org/pragma.html#pragma_query_only).
    private func changeNoMore() {
        guard !isReadOnly else { return }
        isReadOnly = true
        do { try connection.execute("PRAGMA query_only=ON") } catch {
            logger.error("The damaged database cannot be kept from being changed: \(error)")
        }
    }

    private func noteFailure(_ error: SQLiteError) -> StoreError {
        let (reason, isNews) = failure.note(error)
        if isNews { planRetry() }
        return reason
    }

    /// While nothing can be written, no request comes that would find out that it can again, so the
    /// writer retries by itself.
    private func planRetry() {
        queue.asyncAfter(deadline: .now() + Self.retryAfterFailure) { [weak self] in
            guard let self, failureReason != nil, !isClosed else { return }
            do {
                try room.claim()
                try connection.transaction { () throws(SQLiteError) in
                    try connection.execute(
                        "UPDATE schema_version SET version = version WHERE version = (SELECT max(version) FROM schema_version)"
                    )
                }
                failure.end()
            } catch {
                planRetry()
            }
            // If it still fails, jobs may have pages to give back to the disk.
            run()
        }
    }
}
