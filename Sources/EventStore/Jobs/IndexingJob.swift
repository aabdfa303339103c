import CLinux
import SQLite

/// Takes events into the search index behind their commits: some hundred at a time, or few once
/// nothing is written any more. While the documents of the next ones are made, the writer goes on.
final class IndexingJob: WriterJob {
    let name = "indexing"
    private let connection: Connection
    private let search: SearchIndex
    private let maker: DocumentMaker
    private let space: FileSpace?
    private let figures: StoreFigures
    private var size: SliceSize
    /// Events that were not in the index at the last look; and those of them that the last slice has
    /// left, nil before the first.
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
    /// When to look whether documents have been made, where no commit comes.
    private static let makingTime = Duration.milliseconds(2)

    init(
        _ connection: Connection, _ search: SearchIndex, _ maker: DocumentMaker,
        space: FileSpace?, figures: StoreFigures
    ) {
        self.figures = figures
        self.connection = connection
        self.search = search
        self.maker = maker
        self.space = space
        size = SliceSize(indexedEvents: min(4096, space?.eventsPerIndexing ?? .max), first: 512)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let hasRoom = try space?.hasRoomToIndex() ?? true
        if let outcome = maker.work.takeOutcome() {
            let documents = try outcome.get()
            if hasRoom, search.expectsDocuments {
                try take(documents)
            } else {
                search.forgetMaking()
            }
        }
        let behind = try search.behind()
        figures.noteSearchLag(behind)
        guard !maker.work.isGoingOn else { return .afterCommit(orAfter: Self.makingTime) }
        let isIdle = behind == seen
        seen = behind
        guard behind > 0 else { return .afterCommit() }
        guard hasRoom, behind >= Self.fewest || isIdle else {
            return .afterCommit(orAfter: Self.idleTime)
        }
        search.noteMaking()
        maker.begin(after: search.indexedSeq, count: limit(behind))
        return .afterCommit(orAfter: Self.makingTime)
    }

    private func take(_ documents: SearchDocuments) throws(SQLiteError) {
        let begin = clinux_monotonic_nanoseconds()
        try connection.transaction { () throws(SQLiteError) in try search.add(documents) }
        search.noteCommit()
        if documents.count == size.count {
            size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin))
        }
        left = seen - documents.count
    }

    /// Ends what goes on beside the writer.
    func stop() { maker.close() }

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
