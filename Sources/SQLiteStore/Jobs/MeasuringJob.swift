import Glibc
import SQLite

/// Measures sizes at intervals, for those who must not wait for a disk; and after any trouble,
/// checks that the newest event is still readable.
final class MeasuringJob: WriterJob {
    let name = "measuring"
    private let path: String
    private let figures: StoreFigures
    private let reads: OpenReads
    private let freeCount: Statement
    private let pageBytes: Int64

    private static let interval = Duration.seconds(5)

    init(
        _ connection: Connection, path: String, figures: StoreFigures, reads: OpenReads
    ) throws(SQLiteError) {
        self.path = path
        self.reads = reads
        self.figures = figures
        freeCount = try connection.prepare("PRAGMA freelist_count")
        pageBytes = try connection.integer("PRAGMA page_size") ?? 4096
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        var sizes = StoreSizes()
        sizes.free = (try freeCount.number() ?? 0) * pageBytes
        (sizes.database, sizes.wal) = StoreSizes.files(path)
        var volume = statvfs()
        if statvfs(path, &volume) == 0 {
            sizes.volume = Int64(volume.f_blocks) * Int64(volume.f_frsize)
            sizes.volumeFree = Int64(volume.f_bavail) * Int64(volume.f_frsize)
        }
        figures.noteSizes(sizes)
        if reads.haveMetTrouble { reads.noteNewest(isReadable: isNewestReadable()) }
        return .after(Self.interval)
    }

    /// Reads on its own connection, because other connections' caches say nothing about the file.
    private func isNewestReadable() -> Bool {
        do throws(SQLiteError) {
            let connection = try Connection(path, .readOnly)
            let newest = try connection.prepare(
                """
                SELECT \(EventTable.columns) FROM events INDEXED BY idx_events_created \
                ORDER BY created_at DESC, seq DESC LIMIT 1
                """)
            _ = try newest.step()
            return true
        } catch {
            return error.isBusy
        }
    }
}
