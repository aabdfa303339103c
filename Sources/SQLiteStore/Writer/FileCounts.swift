import SQLite

/// How many pages the file has, and the last event's number. The jobs ask after each commit, and only the writer's
/// connection changes them: so each commit notes them while it holds the locks anyway, for every question by itself
/// takes them and lets go of them.
///
/// For the writer's thread alone.
final class FileCounts {
    typealias Values = (pages: Int, free: Int, lastSeq: Int64)

    private let connection: Connection
    private let pageCount, freeCount, last: Statement
    private var values: Values = (0, 0, 0)
    /// The commit of the connection that `values` are of; none is 0.
    private var commit = 0

    init(_ connection: Connection) throws(SQLiteError) {
        self.connection = connection
        pageCount = try connection.prepare("PRAGMA page_count")
        freeCount = try connection.prepare("PRAGMA freelist_count")
        last = try connection.prepare("SELECT max(seq) FROM events")
    }

    /// As of the last commit, or of the transaction that is open; `lastSeq` is 0 where there is no event.
    func current() throws(SQLiteError) -> Values {
        if connection.isInTransaction { return try read() }
        // What the connection has not committed, or nobody counts, may be another's.
        guard connection.walCommits > 0, connection.walCommits == commit else {
            values = try read()
            commit = connection.walCommits
            return values
        }
        return values
    }

    /// Takes over what was `current` before the commit that has just been made.
    func noteCommit(_ values: Values) {
        self.values = values
        commit = connection.walCommits
    }

    private func read() throws(SQLiteError) -> Values {
        (
            Int(try pageCount.number() ?? 0), Int(try freeCount.number() ?? 0),
            try last.number() ?? 0
        )
    }
}
