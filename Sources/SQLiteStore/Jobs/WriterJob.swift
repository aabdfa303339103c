import SQLite

/// Work of the writer that no request asks for: checkpoints, retention, shrinking the file. It is
/// done in slices between commits, on the writer's thread and with its connection.
protocol WriterJob: AnyObject {
    /// For the log, and the figures.
    var name: String { get }

    /// Does as much as fits into `WriterJobs.sliceTarget`, in a transaction of its own if it needs
    /// one, and says when it wants to go on. A slice in which there turns out to be nothing to do
    /// must cost next to nothing: it runs after every commit.
    func runSlice() throws(SQLiteError) -> NextSlice
}

/// When a job wants its next slice.
enum NextSlice {
    /// There is more to do now.
    case soon
    /// Not before this time has passed.
    case after(Duration)
    /// When something has been committed, at the latest after this time; nil is however long.
    case afterCommit(orAfter: Duration? = nil)
}
