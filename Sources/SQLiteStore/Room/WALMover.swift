import CLinux
import Logging
import SQLite

/// Moves pages of the WAL into the file on its own thread and connection while the writer commits,
/// because a checkpoint's writes and its sync take as long as many commits.
///
/// It may `begin` only while something is left to move: a checkpoint that begins with nothing to
/// move, while a commit starts the WAL over, triggers SQLite's WAL-reset defect (3.7.0 to 3.51.2),
/// which corrupts the file. When the writer itself checkpoints, it first waits for this one.
///
/// `@unchecked Sendable`: only one piece of work at a time uses the connection.
final class WALMover: @unchecked Sendable {
    /// The pages in the WAL, and the time of moving as much as readers allow.
    typealias Moved = (pages: Int, time: Duration)

    let work = SideWork<Moved>("checkpoints")
    /// The connection; nil when closed.
    private var connection: Connection?
    private let logger: Logger

    init(path: String, logger: Logger) throws(SQLiteError) {
        self.logger = logger
        let connection = try Connection(path, .readWrite)
        self.connection = connection
        // Syncs like the writer; closing it has nothing to move.
        try connection.execute("PRAGMA synchronous=FULL; PRAGMA cache_size=16")
        connection.keepWALOnClose()
    }

    /// Begins to move the WAL's current content. While some is left to move, the WAL cannot start
    /// over.
    ///
    /// - Parameter syncs: true to sync the file even if commits continue; otherwise SQLite leaves
    ///   that to a later checkpoint.
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

    /// Closes the connection after the current work; no more is done.
    func close() {
        work.wait()
        connection = nil
    }
}
