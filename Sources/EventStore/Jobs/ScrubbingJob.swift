import SQLite

/// Reads the whole file once a day, some pages at a time, so that damage in what nobody asks for is
/// found while there is a backup from before it.
final class ScrubbingJob: WriterJob {
    let name = "scrubbing"
    private let connection: Connection
    private let figures: StoreFigures
    private let isFileChanging: () -> Bool
    /// The page that was read last. Where the process is started anew all the time, another is first.
    private var last: Int

    private static let period = Duration.seconds(86_400)
    private static let pagesPerSlice = 32
    private static let longestRest = Duration.seconds(5)
    private static let changingRest = Duration.milliseconds(100)

    /// - Parameter isFileChanging: whether another thread writes pages, which then match nothing for a
    ///   moment.
    init(
        _ connection: Connection, figures: StoreFigures, isFileChanging: @escaping () -> Bool
    ) {
        self.connection = connection
        self.isFileChanging = isFileChanging
        self.figures = figures
        last = .random(in: 0...connection.checkablePages)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard !isFileChanging() else { return .after(Self.changingRest) }
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
