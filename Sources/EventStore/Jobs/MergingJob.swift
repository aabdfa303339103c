import CLinux
import SQLite

/// Merges the segments of the search index a few pages at a time, which FTS5 itself would do many at a
/// time within the commits that add to it.
final class MergingJob: WriterJob {
    let name = "merging"
    private let connection: Connection
    private let search: SearchIndex
    private let space: FileSpace?
    private var size: SliceSize

    private static let mostPages = 16_384
    /// Events that may wait to be merged. Where more come than slices merge, these become as large as they
    /// have to be: a page for each second event beyond.
    private static let mostUnmerged = 4096
    /// How long to leave a file alone that has no room.
    private static let rest = Duration.seconds(1)

    init(_ connection: Connection, _ search: SearchIndex, space: FileSpace?) {
        self.connection = connection
        self.search = search
        self.space = space
        size = SliceSize(8...Self.mostPages, first: 16)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard search.unmerged > 0 else { return .afterCommit() }
        let room = try space?.pagesPerMerging() ?? Self.mostPages
        guard room > 0 else { return .afterCommit(orAfter: Self.rest) }
        let late = max(0, search.unmerged - Self.mostUnmerged) / 2
        let pages = min(max(size.count, late), Self.mostPages, room)
        let begin = clinux_monotonic_nanoseconds()
        var hasWorked = false
        try connection.transaction { () throws(SQLiteError) in
            hasWorked = try search.merge(pages: pages)
        }
        guard hasWorked else { return .afterCommit() }
        if pages == size.count { size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin)) }
        return .soon
    }
}
