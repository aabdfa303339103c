import Dispatch
import Events
import Logging
import SQLite
import Synchronization

/// The only writer. It takes everything that waits into one transaction, commits, and then answers
/// all of it: a client that is alone gets its own commit at once, sixty-four share one.
///
/// `@unchecked Sendable`: the connection and its statements are used on `queue` alone; what waits
/// is behind a lock.
final class EventWriter: @unchecked Sendable {
    typealias Reply<Value> = @Sendable (Result<Value, StoreError>) -> Void

    private enum Work {
        case append([Event], allOrNothing: Bool, Reply<[AppendOutcome]>)
        case delete(id: [UInt8], Reply<Bool>)

        var eventCount: Int { if case .append(let events, _, _) = self { events.count } else { 1 } }
        var byteCount: Int {
            switch self {
            case .append(let events, _, _): events.reduce(0) { $0 + $1.byteCount }
            case .delete(let id, _): id.count
            }
        }
    }

    private struct Waiting {
        var work: [Work] = []
        var events = 0
        var bytes = 0
        var isDraining = false
        var isClosed = false
    }

    /// Events in one transaction, so that the first of a crowd does not wait for all of it.
    private static let eventsPerCommit = 4096
    private static let idleCheckpoint = DispatchTimeInterval.seconds(1)
    private static let retryAfterFailure = DispatchTimeInterval.seconds(5)
    /// How long a few events wait for company before they go into the search index.
    private static let idleIndexing = DispatchTimeInterval.seconds(1)
    /// Events behind the search index, from which on each commit is followed by a share of indexing:
    /// whoever reads looks through them one by one.
    private static let unindexedEvents: Int64 = 8192

    private let configuration: StoreConfiguration
    private let logger: Logger
    private let afterReplies: @Sendable () -> Void
    private let queue = DispatchQueue(label: "logbook.writer", qos: .userInitiated)
    private let waiting = Mutex(Waiting())
    private let commits: CommitCounter
    private let failure = Mutex<String?>(nil)

    private let connection: Connection
    private let begin, commit, insert, find, delete: Statement
    private let search: SearchIndex
    /// The highest seq that was given out.
    private var lastSeq: Int64
    private var isCheckpointPlanned = false
    private var isIndexingPlanned = false
    /// Set at the end, and when the search index turns out to be damaged.
    private var isIndexingStopped = false

    /// Takes over the only connection that writes.
    ///
    /// - Parameter afterReplies: called once after the replies of each commit.
    init(
        _ configuration: StoreConfiguration, commits: CommitCounter, logger: Logger,
        afterReplies: @escaping @Sendable () -> Void
    ) throws(SQLiteError) {
        self.configuration = configuration
        self.logger = logger
        self.commits = commits
        self.afterReplies = afterReplies
        connection = try Connection(configuration.path, .readWrite)
        connection.setBusyTimeout(milliseconds: 5000)
        guard try connection.text("PRAGMA journal_mode=WAL") == "wal" else {
            throw SQLiteError(
                extendedCode: SQLiteError.cannotOpen,
                message: "the file system does not carry a WAL")
        }
        // FULL syncs the WAL at every commit: https://sqlite.org/pragma.html#pragma_synchronous
        try connection.execute(
            """
            PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF;
            PRAGMA cache_size=-16000; PRAGMA journal_size_limit=67108864
            """)
        connection.takeOverCheckpoints()
        let fields = EventField.allCases.map { String(describing: $0.name) }.joined(separator: ", ")
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        insert = try connection.prepare(
            "INSERT INTO events (\(fields)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        )
        find = try connection.prepare("SELECT \(EventTable.columns) FROM events WHERE id = ?")
        delete = try connection.prepare("DELETE FROM events WHERE seq = ?")
        search = try SearchIndex(connection)
        lastSeq = try connection.integer("SELECT coalesce(max(seq), 0) FROM events") ?? 0
        queue.async { [weak self] in self?.planIndexing() }
    }

    /// Why nothing can be written at the moment; nil when it can.
    var failureReason: String? { failure.withLock { $0 } }

    // MARK: From any thread

    /// Stores `events`, and replies once they are committed and synced, on the writer's thread.
    ///
    /// - Parameter allOrNothing: a conflict stores none of them.
    func append(_ events: [Event], allOrNothing: Bool, _ reply: @escaping Reply<[AppendOutcome]>) {
        submit(.append(events, allOrNothing: allOrNothing, reply))
    }

    /// Deletes the event with this id, and replies whether there was one.
    func delete(id: [UInt8], _ reply: @escaping Reply<Bool>) {
        submit(.delete(id: id, reply))
    }

    private func submit(_ work: Work) {
        let bytes = work.byteCount
        let events = work.eventCount
        enum Verdict { case wait, drain, full, closed }
        let verdict = waiting.withLock { waiting -> Verdict in
            guard !waiting.isClosed else { return .closed }
            // A request that is larger than the bound itself still gets its turn when nothing else
            // waits.
            guard
                waiting.events == 0
                    || (waiting.events + events <= configuration.queuedEvents
                        && waiting.bytes + bytes <= configuration.queuedBytes)
            else { return .full }
            waiting.work.append(work)
            waiting.events += events
            waiting.bytes += bytes
            if waiting.isDraining { return .wait }
            waiting.isDraining = true
            return .drain
        }
        switch verdict {
        case .wait: break
        case .drain: queue.async { self.drain() }
        case .full: Self.fail(work, .unavailable("too many events wait to be written"))
        case .closed: Self.fail(work, .unavailable("the service is shutting down"))
        }
    }

    private static func fail(_ work: Work, _ error: StoreError) {
        switch work {
        case .append(_, _, let reply): reply(.failure(error))
        case .delete(_, let reply): reply(.failure(error))
        }
    }

    /// Writes what still waits, moves the WAL into the file, and takes no more.
    func close() {
        waiting.withLock { $0.isClosed = true }
        queue.sync {
            drain()
            isIndexingStopped = true
            do {
                try connection.checkpoint(.truncate)
            } catch {
                logger.warning(
                    "The last checkpoint failed; the next start goes on with the WAL: \(error)")
            }
        }
    }

    // MARK: On the queue

    private func drain() {
        while let work = takeWork() {
            let before = lastSeq
            write(work)
            // A little more than came, so that the index catches up in the end.
            let stored = Int(lastSeq - before)
            if unindexed > Self.unindexedEvents {
                index(max(SearchIndex.sliceEvents, stored / 4 * 5))
            }
        }
        planIndexing()
        if connection.walPages > 0 { planCheckpoint() }
    }

    /// Everything that waits, up to a bound; nil when nothing does.
    private func takeWork() -> [Work]? {
        waiting.withLock { waiting in
            guard !waiting.work.isEmpty else {
                waiting.isDraining = false
                return nil
            }
            var events = 0
            var end = 0
            while end < waiting.work.count, events < Self.eventsPerCommit {
                events += waiting.work[end].eventCount
                waiting.bytes -= waiting.work[end].byteCount
                end += 1
            }
            waiting.events -= events
            let taken = Array(waiting.work[..<end])
            waiting.work.removeFirst(end)
            return taken
        }
    }

    private enum Answer {
        case appended([AppendOutcome], Reply<[AppendOutcome]>)
        case deleted(Bool, Reply<Bool>)
    }

    private func write(_ work: [Work]) {
        do {
            try begin.run()
            var answers: [Answer] = []
            answers.reserveCapacity(work.count)
            for work in work { answers.append(try execute(work)) }
            try commit.run()
            commits.increment()
            noteSuccess()
            for answer in answers {
                switch answer {
                case .appended(let outcomes, let reply): reply(.success(outcomes))
                case .deleted(let existed, let reply): reply(.success(existed))
                }
            }
        } catch {
            connection.rollback()
            let reason = noteFailure(error)
            for work in work { Self.fail(work, reason) }
        }
        afterReplies()
        if connection.walPages >= configuration.checkpointPages { checkpoint() }
    }

    private func execute(_ work: Work) throws(SQLiteError) -> Answer {
        switch work {
        case .append(let events, false, let reply):
            return .appended(try append(events), reply)
        case .append(let events, true, let reply):
            try connection.execute("SAVEPOINT all_or_nothing")
            let outcomes = try append(events)
            let hasConflict = outcomes.contains { if case .conflict = $0 { true } else { false } }
            try connection.execute("\(hasConflict ? "ROLLBACK TO" : "RELEASE") all_or_nothing")
            return .appended(outcomes, reply)
        case .delete(let id, let reply):
            return .deleted(try deleteEvent(id), reply)
        }
    }

    private func deleteEvent(_ id: [UInt8]) throws(SQLiteError) -> Bool {
        try id.span.withUnsafeBytes { bytes throws(SQLiteError) in
            try find.bind(1, borrowing: bytes)
            defer { find.reset() }
            guard try find.step() else { return false }
            let event = EventTable.view(find)
            try search.remove(event)
            try delete.bind(1, event.seq)
            try delete.run()
            return true
        }
    }

    private func append(_ events: [Event]) throws(SQLiteError) -> [AppendOutcome] {
        var outcomes: [AppendOutcome] = []
        outcomes.reserveCapacity(events.count)
        for event in events { outcomes.append(try append(event)) }
        return outcomes
    }

    private func append(_ event: Event) throws(SQLiteError) -> AppendOutcome {
        try event.withView { view throws(SQLiteError) in
            for field in EventField.allCases {
                try insert.bind(Int32(field.rawValue + 1), borrowing: view[field])
            }
            try insert.run()
            guard connection.changes == 0 else {
                lastSeq = connection.lastInsertRowID
                return .stored(seq: lastSeq)
            }
            try find.bind(1, borrowing: view[.id])
            defer { find.reset() }
            guard try find.step() else {
                throw SQLiteError(
                    extendedCode: SQLiteError.corrupt, message: "an id conflicts and is not there")
            }
            let stored = EventTable.view(find)
            return event.isReplay(of: stored)
                ? .duplicate(Event(stored), seq: stored.seq) : .conflict
        }
    }

    // MARK: The search index

    /// At most as many events as this are not in the search index yet.
    private var unindexed: Int64 { isIndexingStopped ? 0 : lastSeq - search.indexedSeq }

    /// Fills the index when nothing else is to be done: at once when there is enough for a
    /// transaction of its own, a little later otherwise.
    private func planIndexing() {
        guard unindexed > 0, !isIndexingPlanned else { return }
        isIndexingPlanned = true
        let isEnough = unindexed >= SearchIndex.sliceEvents
        queue.asyncAfter(deadline: isEnough ? .now() : .now() + Self.idleIndexing) { [weak self] in
            guard let self, !isIndexingStopped else { return }
            isIndexingPlanned = false
            if index(SearchIndex.sliceEvents) { planIndexing() }
            if connection.walPages >= configuration.checkpointPages { checkpoint() }
        }
    }

    /// Takes up to `limit` events into the index; false when there was none, or it failed.
    @discardableResult
    private func index(_ limit: Int) -> Bool {
        do {
            try begin.run()
            let count = try search.fill(limit: limit)
            try commit.run()
            search.noteCommit()
            // What was deleted, or rolled back, before it was indexed is not waited for.
            if count == 0 { lastSeq = search.indexedSeq }
            return count > 0
        } catch {
            connection.rollback()
            if error.isDamage {
                isIndexingStopped = true
                logger.error("The search index is damaged, and is filled no further: \(error)")
            } else {
                _ = noteFailure(error)
            }
            return false
        }
    }

    // MARK: Checkpoints

    private func planCheckpoint() {
        guard !isCheckpointPlanned else { return }
        isCheckpointPlanned = true
        queue.asyncAfter(deadline: .now() + Self.idleCheckpoint) { [weak self] in
            guard let self else { return }
            isCheckpointPlanned = false
            if connection.walPages > 0 { checkpoint() }
        }
    }

    private func checkpoint() {
        do {
            try connection.checkpoint(.passive)
        } catch {
            logger.warning("A checkpoint failed; the WAL grows until one succeeds: \(error)")
        }
    }

    // MARK: Trouble

    private func noteSuccess() {
        let before = failure.withLock { reason in
            let before = reason
            reason = nil
            return before
        }
        if before != nil { logger.notice("Writing works again") }
    }

    private func noteFailure(_ error: SQLiteError) -> StoreError {
        let reason =
            error.code == SQLiteError.full ? "the disk is full" : "the database cannot be written"
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
        return error.isDamage ? .damaged : .unavailable(reason)
    }

    /// While nothing can be written no traffic may come that would find out that it can again:
    /// tries by itself.
    private func planRetry() {
        queue.asyncAfter(deadline: .now() + Self.retryAfterFailure) { [weak self] in
            guard let self, failureReason != nil else { return }
            do {
                try connection.transaction { () throws(SQLiteError) in
                    try connection.execute(
                        "UPDATE schema_version SET version = version WHERE version = (SELECT max(version) FROM schema_version)"
                    )
                }
                noteSuccess()
            } catch {
                planRetry()
            }
        }
    }
}
