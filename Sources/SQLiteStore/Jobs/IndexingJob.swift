import CLinux
import SQLite

/// Adds events to the search index after their commits: as many as a slice has time for, or a few
/// once writing pauses. While the documents of the next ones are made, the writer continues.
final class IndexingJob: WriterJob {
    let name = "indexing"
    private let connection: Connection
    private let search: SearchIndex
    private let maker: DocumentMaker
    private let room: DiskRoom
    private let figures: StoreFigures
    /// The weight of a slice.
    private var size: SliceSize
    /// True if the last slice may have left events that it had no time for.
    private var isMore = false
    /// The events missing in the index at the last check; and the part of them that the last slice
    /// left, nil before the first.
    private var seen = 0
    private var left: Int?
    private let mostWeight: Int

    /// The fewest events in a slice. Each slice is a transaction and a segment of the index, and
    /// fewer are not worth one.
    private static let fewest = 1024
    /// The number of missing events above which it indexes more than arrives, because readers
    /// examine them one by one.
    private static let mostBehind = 8192
    /// The most events in a slice, and in one that catches up: the most that a commit may add, and
    /// some more.
    private static let most = 4096
    private static let mostCatchingUp = 16_384
    /// The weight of a slice, because very light ones pile up as segments; and of one that catches
    /// up.
    private static let weights = 4096...65_536
    private static let mostCatchingUpWeight = 262_144
    /// A weight that fills fewer pages of the index than `DiskRoom.eventsPerIndexing` assumes.
    private static let weightOfEvent = 128
    private static let idleTime = Duration.seconds(1)
    /// The time after which to check for finished documents if there is no commit.
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
        // So does one that catches up, and an event that fills a slice by itself.
        if isMore { size.note(time, of: documents.weight) }
        left = seen - documents.count
    }

    /// Ends the work on the other thread.
    func stop() { maker.close() }

    /// The limits of a slice: somewhat more than arrived since the last one if many events are
    /// missing, so that the index eventually catches up. Events from before the start are taken at
    /// the usual pace, because a migrated file may have millions.
    private func limit(_ behind: Int) -> (count: Int, weight: Int) {
        guard behind > Self.mostBehind, let left else { return (Self.most, size.count) }
        let catchingUp = max(0, behind - left) / 4 * 5
        return (
            min(max(Self.most, catchingUp), Self.mostCatchingUp),
            catchingUp == 0 ? size.count : min(size.longest, mostWeight)
        )
    }
}
