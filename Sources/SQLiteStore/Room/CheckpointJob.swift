import CLinux
import Logging
import SQLite

/// Moves the WAL into the file: a part whenever so many pages have come, on another thread; the rest
/// when nothing is written any more. Where readers keep the WAL from beginning anew it waits for them
/// a little; where it has grown to half its bound, the reads that began long ago are stopped.
final class CheckpointJob: WriterJob {
    let name = "checkpoint"
    private let connection: Connection
    private let mover: WALMover
    private let figures: StoreFigures
    private let reads: OpenReads
    private let reserve: DiskReserve
    private let logger: Logger
    private let checkpointPages, mostPages, frameBytes: Int

    /// Pages in the WAL at the last slice, checkpoint, and attempt to have it begin anew.
    private var seen = 0
    private var moved = 0
    private var restarted = 0
    /// How often the rest has been moved since the WAL was to begin anew.
    private var rounds = 0
    private var hasWarned = false

    private static let idleTime = Duration.seconds(1)
    /// How long the writer waits for reads that end by themselves; and for those that have all been stopped, where
    /// it would have to refuse what waits, before it stops those that have begun since.
    private static let readerWait: Int32 = 10
    private static let stoppedReaderWait: Int32 = 100
    private static let stops = 10
    private static let mostRounds = 4
    /// Reads younger than this are not to blame for a WAL of half its bound.
    private static let longRead = Duration.milliseconds(100)

    /// Which reads are stopped for a checkpoint.
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

    /// Whether another thread is writing pages of the file.
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
                // Else the writer has to sync all of it.
                mover.begin(syncs: isDue)
            } else if isIdle || isDue {
                // All has been moved that readers let it; so it is told.
                if isIdle { _ = try connection.checkpoint(.passive, orEnd: logger) }
                try restartWAL(stopping: isLarge ? .long : .none, isIdle: isIdle)
            }
        }
        return .afterCommit(orAfter: Self.idleTime)
    }

    /// Pages for which the other thread is asked: where the WAL is to begin anew for fewer than else, so
    /// that the writer has next to none to move. While it moves others come.
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
            // It may have begun anew since.
            moved = min(pages, connection.walPages)
        } catch  where error.code == SQLiteError.full && reserve.spend() {
            // Sooner than the WAL grows beyond what the reserve can take, a full disk gets it.
        } catch  where error.isBusy {
            // A commit was changing the WAL-index at that instant; nothing has been moved.
        }
    }

    /// Ends what goes on beside the writer.
    func stop() { mover.close() }

    /// Empties the WAL for a commit that has no room in it, as far as that is possible.
    func emptyWAL(stopping: Stopping) {
        do {
            for _ in 0..<Self.stops {
                if try restartWAL(stopping: stopping) || stopping != .all { return }
                // Those of another process are not waited for again.
                if reads.oldestAge == .zero { return }
            }
        } catch {
            logger.warning("The WAL cannot be emptied before a commit: \(error)")
        }
    }

    /// Has the next commit begin at the start of the WAL, which a passive checkpoint leaves to
    /// whether anybody reads at that instant; false where readers keep it from that.
    @discardableResult
    private func restartWAL(
        stopping: Stopping, isIdle: Bool = false
    ) throws(SQLiteError) -> Bool {
        // What the WAL keeps for later, a full disk needs now.
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
        // All will be moved that readers let, even where what follows finds the WAL busy: `mover` must not
        // begin where nothing is left.
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
                    "The WAL has grown to \(pages * frameBytes) bytes, for another process reads the database"
                )
            }
            return false
        }
    }
}
