import CLinux
import SQLite

/// Takes events into the search index behind their commits: as many as weigh what a slice has time for,
/// or few once nothing is written any more. While the documents of the next ones are made, the writer
/// goes on.
final class IndexingJob: WriterJob {
    let name = "indexing"
    private let connection: Connection
    private let search: SearchIndex
    private let maker: DocumentMaker
    private let room: DiskRoom
    private let figures: StoreFigures
    /// The weight of a slice.
    private var size: SliceSize
    /// Whether the last slice may have left events that it had no time for.
    private var isMore = false
    /// Events that were not in the index at the last look; and those of them that the last slice has
    /// left, nil before the first.
    private var seen = 0
    private var left: Int?
    private let mostWeight: Int

    /// Each slice is a transaction and a segment of the index: fewer events are not worth one.
    private static let fewest = 1024
    /// Events behind the index, from which on it takes more than comes: whoever reads looks through
    /// them one by one.
    private static let mostBehind = 8192
    /// Events of a slice, and of one that catches up: what a commit may bring at most, and some more.
    private static let most = 4096
    private static let mostCatchingUp = 16_384
    /// The weight of a slice, for very light ones pile up as segments; and of one that catches up.
    private static let weights = 4096...65_536
    private static let mostCatchingUpWeight = 262_144
    /// Weight that fills fewer pages of the index than `DiskRoom.eventsPerIndexing` counts for an event.
    private static let weightOfEvent = 128
    private static let idleTime = Duration.seconds(1)
    /// When to look whether documents have been made, where no commit comes.
    private static let makingTime = Duration.milliseconds(2)

    init(
        _ connection: Connection, _ search: SearchIndex, _ maker: DocumentMaker, _ room: DiskRoom,
        figures: StoreFigures
    ) {
        self.room = room
        self.figures = figures
        self.connection = connection
        self.search = search
        self.maker = maker
        mostWeight =
            Self.weightOfEvent
            * min(Self.mostCatchingUpWeight / Self.weightOfEvent, room.eventsPerIndexing)
        size = SliceSize(
            min(Self.weights.lowerBound, mostWeight)...min(Self.weights.upperBound, mostWeight),
            first: 4 * Self.weights.lowerBound, target: SliceTime.usual * 2)
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let hasRoom = try room.hasRoomToIndex()
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
        guard hasRoom, behind >= Self.fewest || isIdle || isMore else {
            return .afterCommit(orAfter: Self.idleTime)
        }
        search.noteMaking()
        let limit = limit(behind)
        maker.begin(after: search.indexedSeq, count: limit.count, weight: limit.weight)
        return .afterCommit(orAfter: Self.makingTime)
    }

    private func take(_ documents: SearchDocuments) throws(SQLiteError) {
        let begin = clinux_monotonic_nanoseconds()
        try connection.transaction { () throws(SQLiteError) in try search.add(documents) }
        search.noteCommit()
        let time = Duration.nanoseconds(clinux_monotonic_nanoseconds() - begin)
        isMore = documents.weight >= size.count
        // One that catches up tells it, too, and so does an event that is a slice by itself.
        if isMore { size.note(time, of: documents.weight) }
        left = seen - documents.count
    }

    /// Ends what goes on beside the writer.
    func stop() { maker.close() }

    /// A little more than came since the last slice, where much is behind, so that the index catches
    /// up in the end. What was there from the start is taken at the usual pace: a migrated file may
    /// have millions.
    private func limit(_ behind: Int) -> (count: Int, weight: Int) {
        guard behind > Self.mostBehind, let left else { return (Self.most, size.count) }
        let catchingUp = max(0, behind - left) / 4 * 5
        return (
            min(max(Self.most, catchingUp), Self.mostCatchingUp),
            catchingUp == 0 ? size.count : min(size.longest, mostWeight)
        )
    }
}
