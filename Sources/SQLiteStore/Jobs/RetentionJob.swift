import CLinux
import Dispatch
import EventStore
import Events
import Logging
import SQLite
import System

/// Removes events that have reached the age of their severity, and the oldest ones if there are too
/// many, one slice at a time.
///
/// Ages count from `received_at`, whose order is that of `seq`. So it walks by seq, from a position
/// in the file for each severity, and examines no event twice for one.
final class RetentionJob: WriterJob {
    let name = "retention"
    private let connection: Connection
    private let statements: EventStatements
    private let retention: Retention
    private let room: DiskRoom
    private let figures: StoreFigures
    private let logger: Logger
    private let clock: StoreClock
    /// The count, kept up to date by the writer.
    let count: EventCount

    private var size: SliceSize

    /// Severities with the same age, and the progress of removing them.
    private struct Walk {
        let severities: Set<Severity>
        let age: Int64
        var place: Int64
    }
    private var walks: [Walk]
    /// The indexes of `walks` that the current run has yet to do, and the time that it counts from;
    /// empty between runs.
    private var pending: [Int] = []
    private var time: Int64 = 0
    /// The clock's time saved in the file, apart from the rows.
    private var savedClock: Int64
    private var nextRun: UInt64 = 0
    private var removedInRun = 0
    private var hasWarned = false

    private var early: [RemovalReason: Int] = [:]
    private var nextReport: UInt64 = 0
    private static let reportInterval = Duration.seconds(60)
    private static let mostRows = 4096
    /// The time after which to check again for the count of events.
    private static let countRest = Duration.seconds(1)
    /// The time to leave a WAL alone that has no space for a slice.
    private static let walRest = Duration.seconds(1)
    /// Milliseconds that the two clocks may differ before it is reported.
    private static let strangeLag: Int64 = 60_000
    /// Milliseconds of the clock that may be lost if an idle process is killed.
    private static let clockSaving: Int64 = 3_600_000
    /// The longest that a slice may search for events to remove.
    private static let search = Duration.milliseconds(5)

    init(
        _ connection: Connection, _ statements: EventStatements, _ room: DiskRoom,
        _ clock: StoreClock, _ configuration: StoreConfiguration, figures: StoreFigures,
        logger: Logger,
        makeReader: @escaping () throws(SQLiteError) -> SQLiteReader
    ) throws(SQLiteError) {
        self.connection = connection
        self.statements = statements
        self.room = room
        self.figures = figures
        self.logger = logger
        self.clock = clock
        retention = configuration.retention
        savedClock = statements.receivedAt
        walks = try Self.walks(retention.ages, statements)
        count = EventCount(makeReader)
        size = SliceSize(indexedEvents: min(Self.mostRows, room.rowsPerSlice))
    }

    private static func walks(
        _ ages: [Severity: Duration], _ statements: EventStatements
    ) throws(SQLiteError) -> [Walk] {
        var walks: [Walk] = []
        for (age, severities) in Dictionary(grouping: ages.keys, by: { ages[$0] ?? .zero }) {
            var place = Int64.max
            for severity in severities {
                place = min(place, try statements.placeOfRetention(severity))
            }
            walks.append(
                Walk(
                    severities: Set(severities), age: Int64(age / .milliseconds(1)), place: place))
        }
        return walks
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let monotonic = clinux_monotonic_nanoseconds()
        reportEarly(monotonic)
        let events = try count.current()
        figures.noteEvents(events)
        guard room.hasRoomForSlice else { return .afterCommit(orAfter: Self.walRest) }
        if let reason = try tooMany(events) {
            let wanted = min(size.count, reason.most)
            let removed = try remove(wanted, reason.why) { limit throws(SQLiteError) in
                try statements.deleteFirst(limit)
            }
            // If nothing is left to remove, later events may change that.
            return removed > 0 ? .soon : .afterCommit()
        }
        if pending.isEmpty, monotonic >= nextRun { try beginRun(monotonic) }
        if let index = pending.last {
            if try !expire(&walks[index]) { pending.removeLast() }
            if pending.isEmpty { endRun() }
        }
        guard pending.isEmpty else { return .soon }
        let rest = Duration.nanoseconds(nextRun > monotonic ? nextRun - monotonic : 0)
        return .afterCommit(orAfter: count.isCounting ? min(rest, Self.countRest) : rest)
    }

    /// The reason events must be removed early, and the most of them; nil if none must.
    private func tooMany(
        _ events: Int?
    ) throws(SQLiteError) -> (why: RemovalReason, most: Int)? {
        if try room.isShort() { return (.bytes, .max) }
        guard let most = retention.events, let events, events > most else { return nil }
        return (.count, events - most)
    }

    /// Removes up to `limit` events in its own transaction, and learns from the time it takes.
    private func remove(
        _ limit: Int, _ reason: RemovalReason, _ delete: (Int) throws(SQLiteError) -> Int
    ) throws(SQLiteError) -> Int {
        let begin = clinux_monotonic_nanoseconds()
        var removed = 0
        try connection.transaction { () throws(SQLiteError) in removed = try delete(limit) }
        if removed >= size.count {
            size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin))
        }
        noteRemoved(removed, reason)
        return removed
    }

    /// Continues a walk; false if it has reached events that are too young.
    private func expire(_ walk: inout Walk) throws(SQLiteError) -> Bool {
        let end = clinux_monotonic_nanoseconds() + Self.search.inNanoseconds
        var found = try statements.findExpired(
            walk.severities, behind: walk.place, before: time - walk.age, size.count, until: end)
        guard found.passed > walk.place else { return false }
        removedInRun += try remove(found.seqs.count, .age) { _ throws(SQLiteError) in
            let (deleted, taken) = try statements.delete(found.seqs)
            if taken < found.seqs.count {
                found.passed = found.seqs[taken] - 1
                found.isMore = true
            }
            try statements.pass(walk.severities, to: found.passed)
            return deleted
        }
        walk.place = found.passed
        return found.isMore
    }

    /// Notes events removed by a slice or by the writer itself.
    func noteRemoved(_ removed: Int, _ reason: RemovalReason) {
        guard removed > 0 else { return }
        count.note(-removed)
        figures.noteRemoved(removed, reason)
        if reason != .age { early[reason, default: 0] += removed }
    }

    // MARK: Runs

    private func beginRun(_ monotonic: UInt64) throws(SQLiteError) {
        nextRun = monotonic + retention.interval.inNanoseconds
        time = clock.now()
        tellOfLag()
        // The newest row keeps it too.
        savedClock = max(savedClock, statements.receivedAt)
        if time - savedClock >= Self.clockSaving {
            try connection.transaction { () throws(SQLiteError) in try statements.saveClock(time) }
            savedClock = time
        }
        try connection.transaction { () throws(SQLiteError) in
            try statements.forgetOldSeries(now: time)
        }
        pending = Array(walks.indices)
    }

    private func tellOfLag() {
        let lag = clock.lag
        figures.noteClockLag(.milliseconds(lag))
        let isStrange = abs(lag) > Self.strangeLag
        defer { hasWarned = isStrange }
        guard isStrange, !hasWarned else { return }
        logger.warning(
            lag > 0
                ? "The system's clock is \(lag / 1000) s ahead of the store's, which dates and ages events; the store's follows by an hour a minute, in case the system's is wrong"
                : "The system's clock is \(-lag / 1000) s behind the store's, which dates and ages events; the store's stands still until then"
        )
    }

    private func endRun() {
        if removedInRun > 0 {
            logger.info("Retention removed \(removedInRun) events that had reached their age")
        }
        removedInRun = 0
    }

    private func reportEarly(_ monotonic: UInt64) {
        guard !early.isEmpty, monotonic >= nextReport else { return }
        nextReport = monotonic + Self.reportInterval.inNanoseconds
        for (reason, count) in early {
            let bound = reason == .bytes ? "--max-database-bytes" : "--max-events"
            logger.warning("Removed \(count) events before their age, to keep within \(bound)")
        }
        early = [:]
    }
}
