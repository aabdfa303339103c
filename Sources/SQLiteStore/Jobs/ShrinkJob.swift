import CLinux
import SQLite

/// Returns unused pages to the file system, some at a time. Some are kept, because new events would
/// have to grow the file again; none on a full disk.
final class ShrinkJob: WriterJob {
    let name = "shrinking"
    private let connection: Connection
    private let pageCount, freeCount: Statement
    private let isPossible: Bool
    private let room: DiskRoom
    private var isShrinking = false
    private var size: SliceSize

    private static let fewestKept: Int64 = 256
    private static let keptShare: Int64 = 16
    private static let mostPages = 1024

    init(_ connection: Connection, _ room: DiskRoom) throws(SQLiteError) {
        self.connection = connection
        self.room = room
        pageCount = try connection.prepare("PRAGMA page_count")
        freeCount = try connection.prepare("PRAGMA freelist_count")
        // https://sqlite.org/pragma.html#pragma_auto_vacuum
        isPossible = try connection.integer("PRAGMA auto_vacuum") == 2
        size = SliceSize(1...max(1, min(Self.mostPages, room.rowsPerSlice)), first: 64)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard isPossible else { return .after(.seconds(86_400)) }
        let free = try freeCount.number() ?? 0
        let kept =
            room.isDiskFull
            ? Self.fewestKept / 2
            : max(Self.fewestKept, (try pageCount.number() ?? 0) / Self.keptShare)
        if free > 2 * kept { isShrinking = true }
        if free <= kept { isShrinking = false }
        guard isShrinking, room.hasRoomForSlice else { return .afterCommit() }
        let begin = clinux_monotonic_nanoseconds()
        let wanted = min(size.count, Int(free - kept))
        try connection.execute("PRAGMA incremental_vacuum(\(wanted))")
        if wanted == size.count { size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin)) }
        return .soon
    }
}
