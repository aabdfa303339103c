import CLinux
import Dispatch
import EventStore
import Events
import Glibc
import Logging
import PostgreSQL
import Synchronization
import System

/// The only writer of this process. It takes the whole queue into one transaction and then answers
/// all of it. What may pass, such as a server that is being replaced, is tried again.
///
/// `@unchecked Sendable`: `changes` is used only on `queue`; the waiting writes are behind a lock.
final class PostgreSQLWriter: @unchecked Sendable {
    /// Nanoseconds of the first and the longest pause between two tries.
    private static let pauses: (first: UInt64, longest: UInt64) = (50_000_000, 2_000_000_000)
    /// The SQLSTATE of an id, or a seq, that another process was faster with.
    private static let race = "23505"
    /// The tries of a transaction whose ids others store meanwhile.
    private static let mostRaces = 16
    private static let retryAfterFailure = DispatchTimeInterval.seconds(1)
    /// The bytes after which no more is taken into a transaction, which must end in time.
    private static let bytesPerCommit = 16 * 1024 * 1024
    /// The most events that one transaction deletes.
    private static let deletedAtOnce = 1000

    private let queue = DispatchQueue(label: "logbook.writer", qos: .userInitiated)
    private let waiting: WriteQueue
    private let changes: EventChanges
    private let head: Head
    private let availability: Availability
    private let eventsPerCommit: Int
    private let patience: UInt64
    private let figures = Mutex(StoreStatistics())
    private let isClosing = Atomic(false)
    private var isRetryPlanned = false
    private let logger: Logger

    init(
        _ configuration: PostgreSQLConfiguration, head: Head, availability: Availability,
        logger: Logger
    ) {
        self.head = head
        self.availability = availability
        self.logger = logger
        eventsPerCommit = configuration.eventsPerCommit
        patience = configuration.patience.inNanoseconds
        waiting = WriteQueue(events: configuration.queuedEvents, bytes: configuration.queuedBytes)
        changes = EventChanges(configuration, head: head)
    }

    /// The figures so far.
    var statistics: StoreStatistics {
        var statistics = figures.withLock { $0 }
        statistics.queued = waiting.held
        return statistics
    }

    /// Notes events that retention removed.
    func noteRemoved(_ count: Int, forCount: Bool) {
        figures.withLock { statistics in
            if forCount {
                statistics.removedForCount += count
            } else {
                statistics.removedByAge += count
            }
        }
    }

    // MARK: From any thread

    func submit(_ write: Write) {
        switch waiting.add(write) {
        case .waits: break
        case .wakes: queue.async { self.run() }
        case .isFull:
            figures.withLock { $0.queueRefusals += 1 }
            write.fail(.unavailable("too many events wait to be written"))
        case .isClosed: write.fail(StoreError.shutdown)
        }
    }

    /// Deletes the events with these seqs; replies with the number deleted and the error that ended
    /// it early.
    func delete(
        _ seqs: [Int64], isRequested: Bool = true,
        _ reply: @escaping @Sendable (_ deleted: Int, _ error: StoreError?) -> Void
    ) {
        queue.async { [self] in
            guard !isClosing.load(ordering: .relaxed) else { return reply(0, StoreError.shutdown) }
            let slice = Array(seqs.prefix(Self.deletedAtOnce))
            let rest = Array(seqs.dropFirst(Self.deletedAtOnce))
            var deleted = 0
            let error = trying { () throws(PostgreSQLError) in
                let change = try changes.delete(seqs: slice)
                deleted = change.result
                note(change, isRequested: isRequested)
            }
            if error != nil { changes.giveUp() }
            commit()
            guard error == nil, !rest.isEmpty else { return reply(deleted, error) }
            // Writes that wait come between two slices.
            delete(rest, isRequested: isRequested) { [deleted] in reply($0 + deleted, $1) }
        }
    }

    /// Writes everything that is queued, and takes no more.
    func close() {
        waiting.close()
        isClosing.store(true, ordering: .relaxed)
        queue.sync {
            while let writes = take() { write(writes) }
            changes.close()
        }
    }

    // MARK: On the queue

    private func take() -> [Write]? {
        waiting.take(upTo: eventsPerCommit, bytes: Self.bytesPerCommit)
    }

    private func run() {
        repeat {
            while let writes = take() { write(writes) }
        } while !waiting.sleep()
    }

    /// Writes neighbors of the same kind together, in the order in which they came.
    private func write(_ writes: [Write]) {
        var index = 0
        while index < writes.count {
            switch writes[index] {
            case .append:
                var end = index
                while end < writes.count, case .append = writes[end] { end += 1 }
                append(writes[index..<end])
                index = end
            case .delete(let id, let reply):
                var existed = false
                let error = trying { () throws(PostgreSQLError) in
                    let change = try changes.delete(id: id)
                    existed = change.result > 0
                    note(change)
                }
                if error != nil { changes.giveUp() }
                reply(error.map { .failure($0) } ?? .success(existed))
                index += 1
            case .observe(let source, let moment, let reply):
                let error = trying { () throws(PostgreSQLError) in
                    try changes.noteObserved(source, upTo: moment)
                }
                reply(error.map { .failure($0) } ?? .success(()))
                index += 1
            }
        }
        commit()
    }

    private func append(_ writes: ArraySlice<Write>) {
        var requests: [AppendPlan.Request] = []
        for case .append(let events, let allOrNothing, _) in writes {
            requests.append((events, allOrNothing && events.count > 1))
        }
        var outcomes: [[AppendOutcome]] = []
        var refusal: PostgreSQLError?
        let error = trying { () throws(PostgreSQLError) in
            do throws(PostgreSQLError) {
                let change = try changes.append(requests)
                outcomes = change.result
                note(change)
            } catch {
                guard error.isRefusal, error.sqlState != Self.race else { throw error }
                refusal = error
            }
        }
        if let refusal {
            // What the server refuses costs only itself.
            guard writes.count > 1 else {
                logger.error("The database refuses a request's events: \(refusal)")
                return writes.forEach { $0.fail(.unavailable("the database cannot be written")) }
            }
            let middle = writes.startIndex + writes.count / 2
            append(writes[..<middle])
            return append(writes[middle...])
        }
        if let error {
            changes.giveUp()
            return writes.forEach { $0.fail(error) }
        }
        for (write, outcome) in zip(writes, outcomes) {
            if case .append(_, _, let reply) = write { reply(.success(outcome)) }
        }
    }

    private func note<Result>(_ change: EventChanges.Change<Result>, isRequested: Bool = true) {
        guard isRequested else { return }
        figures.withLock { statistics in
            statistics.commits += 1
            statistics.tally += change.tally
            statistics.commitSizes.note(change.tally.storedCount + change.tally.deleted)
            statistics.commitTimes.note(change.time)
            statistics.syncTimes.note(change.syncTime)
        }
    }

    private func commit() { head.commits.tell() }

    // MARK: Trouble

    /// Does `body`, and again while its failure may pass; returns the error that ended it.
    private func trying(_ body: () throws(PostgreSQLError) -> Void) -> StoreError? {
        let begin = clinux_monotonic_nanoseconds()
        // Trouble that lasts longer is waited for by nobody.
        let end = (availability.since ?? begin) + patience
        var pause = Self.pauses.first
        var races = 0
        while true {
            do throws(PostgreSQLError) {
                try body()
                availability.end()
                return nil
            } catch {
                if error.sqlState == Self.race, races < Self.mostRaces {
                    races += 1
                    continue
                }
                let now = clinux_monotonic_nanoseconds()
                guard error.mayPass || error.isCancellation, now + pause < end,
                    !isClosing.load(ordering: .relaxed)
                else {
                    planRetry()
                    return availability.note(error, since: begin)
                }
                logger.debug("Writing is tried again: \(error)")
                usleep(UInt32(pause / 1000))
                pause = min(pause * 2, Self.pauses.longest)
            }
        }
    }

    /// While nothing can be written, no request comes that would find out that it can again.
    private func planRetry() {
        guard !isRetryPlanned else { return }
        isRetryPlanned = true
        queue.asyncAfter(deadline: .now() + Self.retryAfterFailure) { [weak self] in
            guard let self, !isClosing.load(ordering: .relaxed) else { return }
            isRetryPlanned = false
            guard availability.reason != nil else { return }
            do throws(PostgreSQLError) {
                try changes.probe()
                availability.end()
            } catch {
                planRetry()
            }
        }
    }
}
