import CLinux
import SQLite

/// Takes events into the search index behind their commits: some hundred at a time, or few once
/// nothing is written any more.
final class IndexingJob: WriterJob {
    let name = "indexing"
    private let connection: Connection
    private let search: SearchIndex
    private let space: FileSpace?
    private let figures: StoreFigures
    private var size: SliceSize
    /// Events that were not in the index at the last look, and after the last slice; nil before the
    /// first.
    private var seen = 0
    private var left: Int?

    /// Each slice is a transaction and a segment of the index: fewer events are not worth one.
    private static let fewest = 1024
    /// Events behind the index, from which on it takes more than comes: whoever reads looks through
    /// them one by one.
    private static let mostBehind = 8192
    /// Events of a slice that catches up: what a commit may bring at most, and some more.
    private static let mostCatchingUp = 16_384
    private static let idleTime = Duration.seconds(1)
    /// Double that of other jobs, for half of it are the costs of a slice of any size.
    private static let sliceTarget = Duration.milliseconds(10)

    init(
        _ connection: Connection, _ search: SearchIndex, space: FileSpace?, figures: StoreFigures
    ) {
        self.figures = figures
        self.connection = connection
        self.search = search
        self.space = space
        let most = min(4096, space?.eventsPerIndexing ?? .max)
        size = SliceSize(
            min(128, most)...most, first: min(512, most), target: Self.sliceTarget)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let behind = try search.behind()
        figures.noteSearchLag(behind)
        let isIdle = behind == seen
        seen = behind
        guard behind > 0 else { return .afterCommit() }
        guard behind >= Self.fewest || isIdle, space?.hasRoomToIndex ?? true else {
            return .afterCommit(orAfter: Self.idleTime)
        }
        let begin = clinux_monotonic_nanoseconds()
        let wanted = limit(behind)
        try connection.transaction { () throws(SQLiteError) in try search.fill(limit: wanted) }
        search.noteCommit()
        if wanted == size.count { size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin)) }
        let rest = try search.behind()
        left = rest
        figures.noteSearchLag(rest)
        return rest >= Self.fewest ? .soon : .afterCommit(orAfter: Self.idleTime)
    }

    /// A little more than came since the last slice, where much is behind, so that the index catches
    /// up in the end. What was there from the start is taken at the usual pace: a migrated file may
    /// have millions.
    private func limit(_ behind: Int) -> Int {
        guard behind > Self.mostBehind, let left else { return size.count }
        let catchingUp = max(0, behind - left) / 4 * 5
        let most = min(Self.mostCatchingUp, space?.eventsPerIndexing ?? .max)
        return max(size.count, min(catchingUp, most))
    }
}
