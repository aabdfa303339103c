import EventStore
import Synchronization
import System

/// The figures of the writer and its jobs, readable from any thread.
final class StoreFigures: Sendable {
    private let statistics = Mutex(StoreStatistics())
    private let own = Mutex(SQLiteStatistics())

    /// The figures that every store has, without the queue's.
    var current: StoreStatistics { statistics.withLock { $0 } }

    /// The figures that only SQLite has, without the readers'.
    var currentOwn: SQLiteStatistics { own.withLock { $0 } }

    /// Records a commit; times are in nanoseconds.
    func noteCommit(_ tally: EventTally, time: Int, syncTime: Int, walBytes: Int) {
        statistics.withLock { statistics in
            statistics.commits += 1
            statistics.tally += tally
            statistics.commitSizes.note(tally.storedCount + tally.deleted)
            statistics.commitTimes.note(time)
            statistics.syncTimes.note(syncTime)
        }
        own.withLock { $0.mostWALBytes = max($0.mostWALBytes, Int64(walBytes)) }
    }

    func noteDeleted(_ count: Int) { statistics.withLock { $0.tally.deleted += count } }

    func noteCheckpoint(_ time: Duration) {
        own.withLock { statistics in
            statistics.checkpointTimes.note(Int(time.inNanoseconds))
            statistics.longestCheckpoint = max(statistics.longestCheckpoint, time)
        }
    }

    func noteSlice(_ job: String, _ time: Duration) {
        own.withLock { $0.longestSlices[job] = max($0.longestSlices[job] ?? .zero, time) }
    }

    func noteQueueRefusal() { statistics.withLock { $0.queueRefusals += 1 } }

    /// Takes over the sizes in `measured`.
    func noteSizes(_ measured: StoreSizes) { own.withLock { $0.sizes = measured } }

    func noteEvents(_ count: Int?) { own.withLock { $0.events = count } }

    func noteSearchLag(_ events: Int) { own.withLock { $0.searchLag = events } }

    func noteClockLag(_ lag: Duration) { statistics.withLock { $0.clockLag = lag } }

    func noteStoppedReaders(_ count: Int) {
        own.withLock { $0.stoppedReaders += count }
    }

    func noteRemoved(_ count: Int, _ reason: RemovalReason) {
        statistics.withLock { statistics in
            switch reason {
            case .age: statistics.removedByAge += count
            case .count: statistics.removedForCount += count
            case .bytes: statistics.removedForBytes += count
            }
        }
    }
}

/// The reason that retention removed an event.
enum RemovalReason {
    case age, count, bytes
}
