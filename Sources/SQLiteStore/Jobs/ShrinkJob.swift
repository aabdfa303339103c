import CLinux
import SQLite

/// Gives pages back to the file system that are not used any more, some at a time; a stock of them
/// stays, for what comes next would have to grow the file again; not on a full disk.
final class ShrinkJob: WriterJob {
    let name = "shrinking"
    private let connection: Connection
    private let counts: FileCounts
    private let isPossible: Bool
    private let space: FileSpace?
    private let reserve: DiskReserve
    private var isShrinking = false
    private var size: SliceSize

    private static let fewestKept = 256
    private static let keptShare = 16
    private static let mostPages = 1024

    init(
        _ connection: Connection, _ counts: FileCounts, space: FileSpace?, reserve: DiskReserve
    ) throws(SQLiteError) {
        self.connection = connection
        self.reserve = reserve
        self.space = space
        self.counts = counts
        // https://sqlite.org/pragma.html#pragma_auto_vacuum
        isPossible = try connection.integer("PRAGMA auto_vacuum") == 2
        size = SliceSize(1...max(1, min(Self.mostPages, space?.rowsPerSlice ?? .max)), first: 64)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard isPossible else { return .after(.seconds(86_400)) }
        let (pages, free, _) = try counts.current()
        let kept =
            reserve.isSpent
            ? Self.fewestKept / 2
            : max(Self.fewestKept, pages / Self.keptShare)
        if free > 2 * kept { isShrinking = true }
        if free <= kept { isShrinking = false }
        guard isShrinking, space?.hasRoomForSlice ?? true else { return .afterCommit() }
        let begin = clinux_monotonic_nanoseconds()
        let wanted = min(size.count, free - kept)
        try connection.execute("PRAGMA incremental_vacuum(\(wanted))")
        if wanted == size.count { size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin)) }
        return .soon
    }

}
