import CLinux
import Dispatch
import SQLite
import Synchronization

/// Moves pages of the WAL into the file on a thread and a connection of its own, while the writer
/// commits: a checkpoint's writes and its sync take as long as many commits.
///
/// Only the writer's thread may use it, and may `begin` only while something is left to move: a
/// checkpoint that begins with nothing to move, while a commit has the WAL begin anew, meets SQLite's
/// WAL-reset defect (3.7.0 to 3.51.2), which corrupts the file. Where the writer itself checkpoints it
/// waits for this one first.
///
/// `@unchecked Sendable`: the connection is used on `queue` alone, `isMoving` on the writer's thread.
final class WALMover: @unchecked Sendable {
    /// Pages in the WAL, and how long it took to move as much as readers let it.
    typealias Outcome = Result<(pages: Int, time: Duration), SQLiteError>

    private let connection: Connection
    private let queue = DispatchQueue(label: "logbook.checkpoints", qos: .userInitiated)
    private let outcome = Mutex<Outcome?>(nil)
    private(set) var isMoving = false

    init(path: String) throws(SQLiteError) {
        connection = try Connection(path, .readWrite)
        // Syncs as the writer does; its own closing has nothing to move.
        try connection.execute("PRAGMA synchronous=FULL; PRAGMA cache_size=16")
        connection.keepWALOnClose()
    }

    /// Begins to move what is in the WAL by now. What is left to move keeps the WAL from beginning anew
    /// until it has been moved.
    func begin() {
        isMoving = true
        queue.async { [self] in
            let begin = clinux_monotonic_nanoseconds()
            let result = Result { () throws(SQLiteError) in
                (
                    pages: try connection.checkpoint(.passive).pages,
                    time: Duration.nanoseconds(clinux_monotonic_nanoseconds() - begin)
                )
            }
            outcome.withLock { $0 = result }
        }
    }

    /// What became of it; nil while it goes on, or when that has been told.
    func takeOutcome() -> Outcome? {
        let taken = outcome.withLock { outcome in
            defer { outcome = nil }
            return outcome
        }
        if taken != nil { isMoving = false }
        return taken
    }

    /// Returns once nothing is being moved.
    func wait() { queue.sync {} }
}
