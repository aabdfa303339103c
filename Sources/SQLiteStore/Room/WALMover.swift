import CLinux
import Logging
import SQLite

/// Moves pages of the WAL into the file on a thread and a connection of its own, while the writer
/// commits: a checkpoint's writes and its sync take as long as many commits.
///
/// It may `begin` only while something is left to move: a checkpoint that begins with nothing to move,
/// while a commit has the WAL begin anew, meets SQLite's WAL-reset defect (3.7.0 to 3.51.2), which
/// corrupts the file. Where the writer itself checkpoints it waits for this one first.
///
/// `@unchecked Sendable`: the connection is used by one piece of work at a time.
final class WALMover: @unchecked Sendable {
    /// Pages in the WAL, and how long it took to move as much as readers let it.
    typealias Moved = (pages: Int, time: Duration)

    let work = SideWork<Moved>("checkpoints")
    /// nil when closed.
    private var connection: Connection?
    private let logger: Logger

    init(path: String, logger: Logger) throws(SQLiteError) {
        self.logger = logger
        let connection = try Connection(path, .readWrite)
        self.connection = connection
        // Syncs as the writer does; its own closing has nothing to move.
        try connection.execute("PRAGMA synchronous=FULL; PRAGMA cache_size=16")
        connection.keepWALOnClose()
    }

    /// Begins to move what is in the WAL by now. What is left to move keeps the WAL from beginning anew
    /// until it has been moved.
    ///
    /// - Parameter syncs: has the file synced where commits go on, too; else SQLite leaves that to a later
    ///   one.
    func begin(syncs: Bool) {
        work.begin { [self] () throws(SQLiteError) in
            let begin = clinux_monotonic_nanoseconds()
            guard let connection else { return (0, .zero) }
            let pages = try connection.checkpoint(.passive, orEnd: logger).pages
            if syncs {
                do throws(SQLiteError) { try connection.syncMoved() } catch {
                    FailedSync.end(error, logger)
                }
            }
            return (pages, .nanoseconds(clinux_monotonic_nanoseconds() - begin))
        }
    }

    /// Closes the connection, once nothing is being moved any more; nothing is from then on.
    func close() {
        work.wait()
        connection = nil
    }
}
