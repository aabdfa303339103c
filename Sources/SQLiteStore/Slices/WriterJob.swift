import SQLite

/// Background work of the writer: checkpoints, retention, shrinking the file. It runs in slices
/// between commits, on the writer's thread and connection.
protocol WriterJob: AnyObject {
    /// The name in the log and the figures.
    var name: String { get }

    /// Does as much as fits into `SliceTime.usual`, in its own transaction if it needs one, and
    /// says when to continue. A slice with nothing to do must cost next to nothing, because it runs
    /// after every commit.
    func runSlice() throws(SQLiteError) -> NextSlice
}

/// The time of a job's next slice.
enum NextSlice {
    /// Now: there is more to do.
    case soon
    /// After this time.
    case after(Duration)
    /// After the next commit, at the latest after this time; nil for no latest time.
    case afterCommit(orAfter: Duration? = nil)
}

/// The time that slices should take.
enum SliceTime {
    /// Two slices of this length, the second begun just before the time is up, and some bad luck
    /// stay below the 20 ms that a write may be delayed.
    static let usual = Duration.milliseconds(5)
    /// For a slice that must be longer to keep up.
    static let longest = Duration.milliseconds(50)
}
