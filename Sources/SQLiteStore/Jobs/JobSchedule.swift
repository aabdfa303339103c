import CLinux
import Logging
import SQLite
import System

/// Gives the writer's jobs their slices: after each commit for a limited time, and without a limit
/// while the queue is empty.
///
/// Only one thread at a time may use it, the writer's.
final class JobSchedule {
    private struct Entry {
        let job: any WriterJob
        /// Monotonic nanoseconds; `.max` means never.
        var due: UInt64 = 0
        var isWokenByCommit = false
        var hasFailed = false
    }

    private static let retryAfterFailure = Duration.seconds(5)

    private let logger: Logger
    private let connection: Connection
    private let figures: StoreFigures
    private let reads: OpenReads
    private let room: DiskRoom
    /// The connection's commits that the jobs have been told of.
    private var commits = 0
    private var entries: [Entry] = []
    /// The index where the next turn begins, so that a job with much to do does not starve the
    /// others.
    private var turn = 0

    init(
        _ connection: Connection, _ room: DiskRoom, figures: StoreFigures, reads: OpenReads,
        logger: Logger
    ) {
        self.room = room
        self.connection = connection
        self.logger = logger
        self.figures = figures
        self.reads = reads
    }

    /// Adds a job, which is due at once.
    func add(_ job: any WriterJob) { entries.append(Entry(job: job)) }

    /// Makes `job` due, because it was given something to do.
    func wake(_ job: any WriterJob) {
        for index in entries.indices where entries[index].job === job { entries[index].due = 0 }
    }

    /// Runs slices of due jobs in turn, each at most once, until the target is used up.
    ///
    /// - Returns: true if a job is still due.
    func run() -> Bool {
        wakeAfterCommit()
        let begin = clinux_monotonic_nanoseconds()
        var now = begin
        for offset in entries.indices {
            let index = (turn + offset) % entries.count
            guard entries[index].due <= now else { continue }
            runSlice(index, &now)
            if Duration.nanoseconds(now - begin) >= SliceTime.usual {
                turn = (index + 1) % entries.count
                break
            }
        }
        // A slice may have committed something too.
        wakeAfterCommit()
        return entries.contains { $0.due <= now }
    }

    private func wakeAfterCommit() {
        guard connection.walCommits != commits else { return }
        commits = connection.walCommits
        for index in entries.indices where entries[index].isWokenByCommit { entries[index].due = 0 }
    }

    private func runSlice(_ index: Int, _ now: inout UInt64) {
        let begin = now
        let job = entries[index].job
        let next: NextSlice
        do {
            next = try job.runSlice()
            if entries[index].hasFailed { logger.notice("The \(job.name) works again") }
            entries[index].hasFailed = false
        } catch  where room.make(after: error, fromReserve: false) {
            next = .soon
        } catch {
            reads.note(error)
            if !entries[index].hasFailed {
                logger.warning("The \(job.name) failed and will be retried: \(error)")
            }
            entries[index].hasFailed = true
            next = .after(Self.retryAfterFailure)
        }
        now = clinux_monotonic_nanoseconds()
        figures.noteSlice(job.name, .nanoseconds(now - begin))
        schedule(index, next, now)
    }

    private func schedule(_ index: Int, _ next: NextSlice, _ now: UInt64) {
        entries[index].isWokenByCommit = false
        switch next {
        case .soon: entries[index].due = 0
        case .after(let rest): entries[index].due = now + rest.inNanoseconds
        case .afterCommit(let rest):
            entries[index].isWokenByCommit = true
            entries[index].due = rest.map { now + $0.inNanoseconds } ?? .max
        }
    }

    /// The time until a job is due; nil if none will be before a commit.
    var timeUntilDue: Duration? {
        guard let due = entries.map(\.due).min(), due != .max else { return nil }
        let now = clinux_monotonic_nanoseconds()
        return due > now ? .nanoseconds(due - now) : .zero
    }
}
