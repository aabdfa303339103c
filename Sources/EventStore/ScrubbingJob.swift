import SQLite

/// Reads the whole file once a day, some pages at a time, so that damage in what nobody asks for is
/// found while there is a backup from before it.
final class ScrubbingJob: WriterJob {
    let name = "scrubbing"
    private let connection: Connection
    private let figures: StoreFigures
    /// The page that was read last. Where the process is started anew all the time, another is first.
    private var last: Int

    private static let period = Duration.seconds(86_400)
    private static let pagesPerSlice = 32
    private static let longestRest = Duration.seconds(5)

    init(_ connection: Connection, figures: StoreFigures) {
        self.connection = connection
        self.figures = figures
        last = .random(in: 0...connection.checkablePages)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let pages = connection.checkablePages
        for _ in 0..<min(Self.pagesPerSlice, pages) {
            last = last < pages ? last + 1 : 1
            guard try connection.checkPage(last) else {
                throw SQLiteError(
                    extendedCode: SQLiteError.checksumMismatch,
                    message: "page \(last) does not match its checksum")
            }
            figures.notePagesChecked(1)
        }
        return .after(min(Self.longestRest, Self.period * Self.pagesPerSlice / max(1, pages)))
    }
}
