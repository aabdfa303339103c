import CLinux
import Dispatch
import EventStore
import Events
import Logging
import SQLite
import System

/// Removes events that have reached the age of their severity, and the ones that came first where
/// there are too many, a slice at a time.
///
/// Ages count from `received_at`, in the order of which events are numbered: so it walks by number, from
/// a place for each severity that the file keeps, and looks at no event twice for one.
final class RetentionJob: WriterJob {
    let name = "retention"
    private let connection: Connection
    private let statements: EventStatements
    private let retention: Retention
    private let room: DiskRoom
    private let figures: StoreFigures
    private let logger: Logger
    private let clock: StoreClock
    /// Kept up by the writer; nil where there is no bound on it.
    let count: EventCount?

    private var size: SliceSize

    /// Severities that go at the same age, and how far that has come.
    private struct Walk {
        let severities: Set<Severity>
        let age: Int64
        var place: Int64
    }
    private var walks: [Walk]
    /// Those of `walks` that the run which goes on has not come to yet, by their index, and the time that
    /// it counts from; empty between runs.
    private var pending: [Int] = []
    private var time: Int64 = 0
    /// What the file has as the clock's time, apart from what rows say.
    private var savedClock: Int64
    private var nextRun: UInt64 = 0
    private var removedInRun = 0
    private var hasWarned = false

    private var early: [RemovalReason: Int] = [:]
    private var nextReport: UInt64 = 0
    private static let reportInterval = Duration.seconds(60)
    private static let mostRows = 4096
    /// When to look again whether the events have been counted.
    private static let countRest = Duration.seconds(1)
    /// How long to leave a WAL alone that has no room for a slice.
    private static let walRest = Duration.seconds(1)
    /// Milliseconds that the two clocks may be apart before somebody is told.
    private static let strangeLag: Int64 = 60_000
    /// Milliseconds of the clock that may be lost when the process is killed at rest.
    private static let clockSaving: Int64 = 3_600_000
    /// How long a slice may look for events to remove.
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
        count = retention.events == nil ? nil : EventCount(makeReader)
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
        guard room.hasRoomForSlice else { return .afterCommit(orAfter: Self.walRest) }
        if let reason = try tooMany() {
            let wanted = min(size.count, reason.most)
            let removed = try remove(wanted, reason.why) { limit throws(SQLiteError) in
                try statements.deleteFirst(limit)
            }
            // Where nothing is left to remove, what comes next may change that.
            return removed > 0 ? .soon : .afterCommit()
        }
        if pending.isEmpty, monotonic >= nextRun { try beginRun(monotonic) }
        if let index = pending.last {
            if try !expire(&walks[index]) { pending.removeLast() }
            if pending.isEmpty { endRun() }
        }
        guard pending.isEmpty else { return .soon }
        let rest = Duration.nanoseconds(nextRun > monotonic ? nextRun - monotonic : 0)
        return .afterCommit(orAfter: count?.isCounting ?? false ? min(rest, Self.countRest) : rest)
    }

    /// Why events have to go before their time, and how many of them at most; nil when none have to.
    private func tooMany() throws(SQLiteError) -> (why: RemovalReason, most: Int)? {
        if try room.isShort() { return (.bytes, .max) }
        guard let most = retention.events, let count = try count?.current(), count > most else {
            return nil
        }
        return (.count, count - most)
    }

    /// Removes up to `limit` events in a transaction of its own, and learns from how long it takes.
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

    /// Goes on with a walk; false where it has come to what is too young.
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

    /// Notes events that are gone, by a slice or by the writer itself.
    func noteRemoved(_ removed: Int, _ reason: RemovalReason) {
        guard removed > 0 else { return }
        count?.note(-removed)
        figures.noteRemoved(removed, reason)
        if reason != .age { early[reason, default: 0] += removed }
    }

    // MARK: Runs

    private func beginRun(_ monotonic: UInt64) throws(SQLiteError) {
        nextRun = monotonic + retention.interval.inNanoseconds
        time = clock.now()
        tellOfLag()
        // The newest row keeps it, too.
        savedClock = max(savedClock, statements.receivedAt)
        if time - savedClock >= Self.clockSaving {
            try connection.transaction { () throws(SQLiteError) in try statements.saveClock(time) }
            savedClock = time
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
                ? "The system's clock is \(lag / 1000) s ahead of the store's, by which events are received and age; that follows by an hour a minute, in case the system's is wrong"
                : "The system's clock is \(-lag / 1000) s behind the store's, by which events are received and age; that stands still until then"
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
