import CLinux
import EventStore
import SQLite
import Synchronization
import System

/// The reads in progress. Each keeps the WAL from being emptied until it ends, so the writer must
/// be able to find and stop an old one.
final class OpenReads: Sendable {
    /// The current activity of one reader.
    final class Activity: Sendable {
        /// Monotonic nanoseconds; 0 while idle.
        private let start = Atomic<UInt64>(0)
        /// The start of the read to stop, so that a later read is not stopped instead.
        private let stopped = Atomic<UInt64>(0)

        func begin() { start.store(clinux_monotonic_nanoseconds(), ordering: .relaxed) }
        func end() { start.store(0, ordering: .relaxed) }

        /// True if the current read must end.
        var isStopped: Bool {
            let stopped = stopped.load(ordering: .relaxed)
            return stopped != 0 && stopped == start.load(ordering: .relaxed)
        }

        fileprivate var began: UInt64 { start.load(ordering: .relaxed) }
        fileprivate func stop(_ began: UInt64) { stopped.store(began, ordering: .relaxed) }
    }

    /// The memory used by statistics, for all reads together.
    let tallyBytes = SharedTally()
    private let activities = Mutex<[Activity]>([])
    private let damage = Atomic(false)
    private let trouble = Atomic(false)
    private let newestIsUnreadable = Atomic(false)

    /// True once anyone, including the writer, has found the file damaged. It never becomes false
    /// again.
    var haveFoundDamage: Bool { damage.load(ordering: .relaxed) }

    /// Notes an error from reading or writing.
    func note(_ error: SQLiteError) {
        if error.isDamage { damage.store(true, ordering: .relaxed) }
        if error.isDamage || error.isDiskTrouble { trouble.store(true, ordering: .relaxed) }
    }

    /// True if there was damage or a disk error, and the newest event was readable when last
    /// checked: `MeasuringJob`.
    var haveMetTrouble: Bool { trouble.load(ordering: .relaxed) }

    /// True if not even the newest event can be read.
    var isNewestUnreadable: Bool { newestIsUnreadable.load(ordering: .relaxed) }

    /// Notes if the newest event can be read.
    func noteNewest(isReadable: Bool) {
        newestIsUnreadable.store(!isReadable, ordering: .relaxed)
        if isReadable, !haveFoundDamage { trouble.store(false, ordering: .relaxed) }
    }

    /// Adds a reader, until `remove`.
    func add() -> Activity {
        let activity = Activity()
        activities.withLock { $0.append(activity) }
        return activity
    }

    /// Forgets a closed reader.
    func remove(_ activity: Activity) {
        activities.withLock { $0.removeAll { $0 === activity } }
    }

    /// The age of the oldest read; zero if there is none.
    var oldestAge: Duration {
        let began = activities.withLock { $0.map(\.began).filter { $0 != 0 }.min() }
        guard let began else { return .zero }
        let now = clinux_monotonic_nanoseconds()
        return now > began ? .nanoseconds(now - began) : .zero
    }

    /// Stops the reads that are older than `age`.
    ///
    /// - Returns: the number of reads stopped.
    func stop(olderThan age: Duration) -> Int {
        let now = clinux_monotonic_nanoseconds()
        let ageLimit = age.inNanoseconds
        return activities.withLock { activities in
            var count = 0
            for activity in activities where !activity.isStopped {
                let began = activity.began
                guard began != 0, began + ageLimit < now else { continue }
                activity.stop(began)
                count += 1
            }
            return count
        }
    }
}
