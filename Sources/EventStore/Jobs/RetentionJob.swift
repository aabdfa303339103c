import CLinux
import Dispatch
import Events
import Logging
import SQLite

/// Removes events that have reached the age of their severity, and the ones that came first where
/// there are too many, a slice at a time.
final class RetentionJob: WriterJob {
    let name = "retention"
    private let connection: Connection
    private let statements: EventStatements
    private let retention: Retention
    private let space: FileSpace?
    private let figures: StoreFigures
    private let logger: Logger
    private let now: () -> Timestamp
    /// Kept up by the writer; nil where there is no bound on it.
    let count: EventCount?

    private var clock: RetentionClock
    private var size: SliceSize

    /// Severities that the run which goes on has not come to yet, with the time up to which it
    /// removes; empty between runs.
    private var expiring: [(severity: Severity, before: String)] = []
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
    /// Milliseconds that the clock may be ahead before somebody is told.
    private static let strangeLead: Int64 = 86_400_000

    init(
        _ connection: Connection, _ statements: EventStatements,
        _ configuration: StoreConfiguration,
        space: FileSpace?, figures: StoreFigures, logger: Logger, now: @escaping () -> Timestamp,
        makeReader: @escaping () throws(SQLiteError) -> EventReader
    ) throws(SQLiteError) {
        self.connection = connection
        self.statements = statements
        self.space = space
        self.figures = figures
        self.logger = logger
        self.now = now
        retention = configuration.retention
        let last = try connection.text("SELECT created_at FROM events ORDER BY seq DESC LIMIT 1")
        clock = RetentionClock(
            wall: now(), last: last.flatMap { Timestamp(rfc3339: $0.utf8) },
            monotonic: clinux_monotonic_nanoseconds())
        count = retention.events == nil ? nil : EventCount(makeReader)
        size = SliceSize(indexedEvents: min(Self.mostRows, space?.rowsPerSlice ?? .max))
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        let monotonic = clinux_monotonic_nanoseconds()
        reportEarly(monotonic)
        guard space?.hasRoomForSlice ?? true else { return .afterCommit(orAfter: Self.walRest) }
        if let reason = try tooMany() {
            let wanted = min(size.count, reason.most)
            let removed = try remove(wanted, reason.why) { limit throws(SQLiteError) in
                try statements.deleteFirst(limit)
            }
            // Where nothing is left to remove, what comes next may change that.
            return removed > 0 ? .soon : .afterCommit()
        }
        if expiring.isEmpty, monotonic >= nextRun { beginRun(monotonic) }
        if let next = expiring.last {
            let wanted = size.count
            let removed = try remove(wanted, .age) { limit throws(SQLiteError) in
                try statements.deleteExpired(next.severity, before: next.before, limit)
            }
            removedInRun += removed
            if removed == 0 { expiring.removeLast() }
            if expiring.isEmpty { endRun() }
        }
        guard expiring.isEmpty else { return .soon }
        let rest = Duration.nanoseconds(nextRun > monotonic ? nextRun - monotonic : 0)
        return .afterCommit(orAfter: count?.isCounting ?? false ? min(rest, Self.countRest) : rest)
    }

    /// Why events have to go before their time, and how many of them at most; nil when none have to.
    private func tooMany() throws(SQLiteError) -> (why: RemovalReason, most: Int)? {
        if let space, try space.isShort() { return (.bytes, .max) }
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

    /// Notes events that are gone, by a slice or by the writer itself.
    func noteRemoved(_ removed: Int, _ reason: RemovalReason) {
        guard removed > 0 else { return }
        count?.note(-removed)
        figures.noteRemoved(removed, reason)
        if reason != .age { early[reason, default: 0] += removed }
    }

    // MARK: Runs

    private func beginRun(_ monotonic: UInt64) {
        nextRun = monotonic + retention.interval.inNanoseconds
        let time = clock.advance(wall: now(), monotonic: monotonic)
        let isStrange =
            !retention.ages.isEmpty
            && now().milliseconds - time.milliseconds > Self.strangeLead
        defer { hasWarned = isStrange }
        if isStrange, !hasWarned {
            logger.warning(
                "The clock is more than a day ahead of the last event or has jumped; events that reach their age by it are removed slowly"
            )
        }
        expiring = retention.ages.compactMap { severity, age in
            let milliseconds = Int64(age / .milliseconds(1))
            return Timestamp(milliseconds: time.milliseconds - milliseconds).map {
                (severity, $0.text)
            }
        }
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
