import CLinux
import SQLite
import Synchronization
import System

/// The reads that go on at the moment. Each keeps the WAL from being emptied until it ends, so the
/// writer must be able to find an old one, and to stop it.
final class OpenReads: Sendable {
    /// What one reader does at the moment.
    final class Activity: Sendable {
        /// Monotonic nanoseconds; 0 while it does nothing.
        private let start = Atomic<UInt64>(0)
        /// The start of the read that is to end: not a later one's, which begins meanwhile.
        private let stopped = Atomic<UInt64>(0)

        func begin() { start.store(clinux_monotonic_nanoseconds(), ordering: .relaxed) }
        func end() { start.store(0, ordering: .relaxed) }

        /// Whether the read that goes on is to end.
        var isStopped: Bool {
            let stopped = stopped.load(ordering: .relaxed)
            return stopped != 0 && stopped == start.load(ordering: .relaxed)
        }

        fileprivate var began: UInt64 { start.load(ordering: .relaxed) }
        fileprivate func stop(_ began: UInt64) { stopped.store(began, ordering: .relaxed) }
    }

    /// What statistics take of memory, for all reads together.
    let tallyBytes = SharedTally()
    private let activities = Mutex<[Activity]>([])
    private let damage = Atomic(false)
    private let trouble = Atomic(false)
    private let newestIsUnreadable = Atomic(false)

    /// Whether anybody, the writer included, has found the file damaged. It does not mend by itself.
    var haveFoundDamage: Bool { damage.load(ordering: .relaxed) }

    /// Notes a failure that somebody met in reading or writing.
    func note(_ error: SQLiteError) {
        if error.isDamage { damage.store(true, ordering: .relaxed) }
        if error.isDamage || error.isDiskTrouble { trouble.store(true, ordering: .relaxed) }
    }

    /// Whether somebody has met damage, or a disk that fails, and the newest event was readable by the
    /// last look at it: `MeasuringJob`.
    var haveMetTrouble: Bool { trouble.load(ordering: .relaxed) }

    /// Whether not even the newest event can be read.
    var isNewestUnreadable: Bool { newestIsUnreadable.load(ordering: .relaxed) }

    /// Notes whether the newest event can be read.
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

    /// Forgets a reader that is closed.
    func remove(_ activity: Activity) {
        activities.withLock { $0.removeAll { $0 === activity } }
    }

    /// How long the oldest read has gone on; zero when there is none.
    var oldestAge: Duration {
        let began = activities.withLock { $0.map(\.began).filter { $0 != 0 }.min() }
        guard let began else { return .zero }
        let now = clinux_monotonic_nanoseconds()
        return now > began ? .nanoseconds(now - began) : .zero
    }

    /// Has the reads end that have gone on for longer.
    ///
    /// - Returns: how many there were.
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
