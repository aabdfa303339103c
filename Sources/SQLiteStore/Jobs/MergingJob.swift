import CLinux
import SQLite

/// Merges the segments of the search index a few pages at a time. FTS5 itself would merge many at a
/// time, within the commits that add to it.
final class MergingJob: WriterJob {
    let name = "merging"
    private let connection: Connection
    private let search: SearchIndex
    private let room: DiskRoom
    private var size: SliceSize

    /// 8 MiB, and the 1 MiB that there is always time for.
    private static let mostPages = 2048
    private static let pagesWhenLate = 256
    /// The most events that may wait to be merged. If more arrive than slices merge, slices grow:
    /// by a page for every second event beyond, as far as there is time.
    private static let mostUnmerged = 4096
    /// The time to leave a file alone that has no space.
    private static let rest = Duration.seconds(1)

    init(_ connection: Connection, _ search: SearchIndex, _ room: DiskRoom) {
        self.connection = connection
        self.search = search
        self.room = room
        size = SliceSize(8...Self.mostPages, first: 16)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard search.unmerged > 0 else { return .afterCommit() }
        // The rest of a full disk is not for large slices.
        let most = room.isDiskFull ? Self.pagesWhenLate : try room.pagesPerMerging()
        guard most > 0 else { return .afterCommit(orAfter: Self.rest) }
        let late = max(0, search.unmerged - Self.mostUnmerged) / 2
        let mostWhenLate = max(size.longest, Self.pagesWhenLate)
        let pages = min(max(size.count, min(late, mostWhenLate)), Self.mostPages, most)
        let begin = clinux_monotonic_nanoseconds()
        var hasWorked = false
        try connection.transaction { () throws(SQLiteError) in
            hasWorked = try search.merge(pages: pages)
        }
        guard hasWorked else { return .afterCommit() }
        if pages >= size.count {
            size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin), of: pages)
        }
        return .soon
    }
}
