import Glibc
import SQLite

/// Looks now and then how large everything is, for those who must not wait for a disk.
final class MeasuringJob: WriterJob {
    let name = "measuring"
    private let path: String
    private let figures: StoreFigures
    private let freeCount: Statement
    private let pageBytes: Int64

    private static let interval = Duration.seconds(5)

    init(_ connection: Connection, path: String, figures: StoreFigures) throws(SQLiteError) {
        self.path = path
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
        return .after(Self.interval)
    }
}
