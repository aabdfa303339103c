import CLinux
import Logging
import SQLite

/// Moves the WAL into the file: a part after every so many pages, on another thread, and the rest
/// when writing pauses. If readers keep the WAL from starting over, it waits for them briefly; if
/// the WAL has grown to half its limit, old reads are stopped.
final class CheckpointJob: WriterJob {
    let name = "checkpoint"
    private let connection: Connection
    private let mover: WALMover
    private let figures: StoreFigures
    private let reads: OpenReads
    private let reserve: DiskReserve
    private let logger: Logger
    private let checkpointPages, mostPages, frameBytes: Int

    /// The pages in the WAL at the last slice, checkpoint, and attempt to start it over.
    private var seen = 0
    private var moved = 0
    private var restarted = 0
    /// The number of times the rest was moved since the WAL was due to start over.
    private var rounds = 0
    private var hasWarned = false

    private static let idleTime = Duration.seconds(1)
    /// The time that the writer waits for reads that end by themselves; and, if it would otherwise
    /// have to refuse writes, for reads that have all been stopped, before it stops those that have
    /// begun since.
    private static let readerWait: Int32 = 10
    private static let stoppedReaderWait: Int32 = 100
    private static let stops = 10
    private static let mostRounds = 4
    /// Reads younger than this are not to blame for a WAL of half its limit.
    private static let longRead = Duration.milliseconds(100)

    /// The reads to stop for a checkpoint.
    enum Stopping {
        case none, long, all
    }

    init(
        _ connection: Connection, _ mover: WALMover, _ plan: SpacePlan, figures: StoreFigures,
        reads: OpenReads, reserve: DiskReserve, logger: Logger
    ) {
        self.connection = connection
        self.mover = mover
        self.figures = figures
        self.reads = reads
        self.reserve = reserve
        self.logger = logger
        checkpointPages = plan.checkpointPages
        mostPages = plan.walPages
        frameBytes = plan.frameBytes
    }

    /// True if another thread is writing pages of the file.
    var isMoving: Bool { mover.work.isGoingOn }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let pages = connection.walPages
        guard pages > 0 else { return .afterCommit() }
        if pages < moved { beginAnew() }
        let isIdle = pages == seen
        seen = pages
        let isLarge = pages >= mostPages / 2
        // Commits must not outrun it.
        if isLarge { mover.work.wait() }
        try noteMoved()
        if !isMoving {
            let isDue = pages - restarted >= 2 * checkpointPages
            if pages - moved >= fewestToMove(isIdle: isIdle, isDue: isDue) {
                if isDue { rounds += 1 }
                // Otherwise the writer would have to sync all of it.
                mover.begin(syncs: isDue)
            } else if isIdle || isDue {
                // Everything that readers allow has been moved; this records it.
                if isIdle { _ = try connection.checkpoint(.passive, orEnd: logger) }
                try restartWAL(stopping: isLarge ? .long : .none, isIdle: isIdle)
            }
        }
        return .afterCommit(orAfter: Self.idleTime)
    }

    /// The least number of pages for which the other thread is started. Fewer if the WAL is due to
    /// start over, so that the writer has next to none to move. More arrive while it moves.
    private func fewestToMove(isIdle: Bool, isDue: Bool) -> Int {
        if isIdle { return 1 }
        return max(1, checkpointPages / (isDue && rounds < Self.mostRounds ? 64 : 2))
    }

    private func beginAnew() {
        moved = 0
        restarted = 0
        hasWarned = false
    }

    /// Notes what the other thread has moved, if it is done.
    private func noteMoved() throws(SQLiteError) {
        guard let outcome = mover.work.takeOutcome() else { return }
        do {
            let (pages, time) = try outcome.get()
            figures.noteCheckpoint(time)
            // The WAL may have started over since.
            moved = min(pages, connection.walPages)
        } catch  where error.code == SQLiteError.full && reserve.spend() {
            // A full disk gets the reserve before the WAL outgrows it.
        } catch  where error.isBusy {
            // A commit was changing the WAL-index at that instant; nothing was moved.
        }
    }

    /// Ends the work on the other thread.
    func stop() { mover.close() }

    /// Empties the WAL, as far as possible, for a commit that does not fit in it.
    func emptyWAL(stopping: Stopping) {
        do {
            for _ in 0..<Self.stops {
                if try restartWAL(stopping: stopping) || stopping != .all { return }
                // Reads of another process are not waited for again.
                if reads.oldestAge == .zero { return }
            }
        } catch {
            logger.warning("The WAL cannot be emptied before a commit: \(error)")
        }
    }

    /// Makes the next commit start at the beginning of the WAL, which after a passive checkpoint
    /// depends on there being no reader at that instant; false if readers prevent it.
    @discardableResult
    private func restartWAL(
        stopping: Stopping, isIdle: Bool = false
    ) throws(SQLiteError) -> Bool {
        // A full disk needs now what the WAL would keep for later.
        let truncates = isIdle || reserve.isSpent
        if isIdle, !reserve.isSpent, connection.walPages == 0, moved <= 2 * checkpointPages {
            return true
        }
        let pages = connection.walEnd
        switch stopping {
        case .none: break
        case .long: figures.noteStoppedReaders(reads.stop(olderThan: Self.longRead))
        case .all: figures.noteStoppedReaders(reads.stop(olderThan: .zero))
        }
        restarted = pages
        rounds = 0
        mover.work.wait()
        try noteMoved()
        // Everything that readers allow will be moved, even if the next step finds the WAL busy:
        // `mover` must not begin when nothing is left.
        moved = connection.walPages
        let wait = stopping == .all ? Self.stoppedReaderWait : Self.readerWait
        connection.setBusyTimeout(milliseconds: isIdle ? 0 : wait)
        defer { connection.setBusyTimeout(milliseconds: Connection.writerBusyTimeout) }
        do {
            _ = try connection.checkpoint(truncates ? .truncate : .restart, orEnd: logger)
            beginAnew()
            return true
        } catch  where error.isBusy {
            if pages >= mostPages, !hasWarned {
                hasWarned = true
                logger.warning(
                    "The WAL has grown to \(pages * frameBytes) bytes, because another process reads the database"
                )
            }
            return false
        }
    }
}
