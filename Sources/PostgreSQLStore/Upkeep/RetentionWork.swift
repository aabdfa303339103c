import CLinux
import Dispatch
import EventStore
import Events
import Logging
import PostgreSQL
import Synchronization
import System

/// Removes events that have reached the age of their severity, and the oldest ones if there are too
/// many, and forgets series that are over, some at a time. Ages count from `received_at`, whose order
/// is that of `seq`, so it walks by seq from a place in the database for each severity.
///
/// `@unchecked Sendable`: what changes is used only on the lookout's queue, atomic, or behind a lock.
final class RetentionWork: @unchecked Sendable {
    private let retention: Retention
    private let address: PostgreSQLAddress
    private let writer: PostgreSQLWriter
    private let logger: Logger
    private var nextRun: UInt64 = 0
    /// The clock that ages count from: the database's, but never much faster than time goes by. The
    /// database keeps how far it has come, for the next leader.
    private var clock: StoreClock?
    private let wall = Wall()
    private var time: Int64 = 0
    private var hasWarned = false
    /// The result of the last count, until it is used, and the time of the next one.
    private let counted = Mutex<(events: Int64?, next: UInt64)>((nil, 0))
    /// Events that are too many, as of the last count.
    private var excess: Int64 = 0
    private let isDeleting = Atomic(false)
    /// The last series whose age was checked.
    private var lastSeries: [UInt8] = []
    /// Events removed because of their age in the current run.
    private let removed = Atomic(0)

    /// The database's clock, as last asked.
    private final class Wall {
        var now = Timestamp.min
    }

    /// The rows that are looked at, and the events that are removed, at once.
    private static let rowsAtOnce = 1000
    /// Milliseconds that the two clocks may differ before it is reported.
    private static let strangeLag: Int64 = 60_000
    /// Milliseconds of the clock that a next leader may have to catch up with.
    private static let clockSaving: Int64 = 60_000
    /// Nanoseconds that a count may take.
    private static let longestCount: UInt64 = 600_000_000_000
    /// Nanoseconds between two counts, at least.
    private static let countRest: UInt64 = 1_000_000_000

    init(
        _ configuration: PostgreSQLConfiguration, writer: PostgreSQLWriter, logger: Logger
    ) {
        retention = configuration.retention
        address = configuration.address
        self.writer = writer
        self.logger = logger
    }

    /// True if there is more to remove at once.
    var isBusy: Bool { excess > 0 }

    /// Does some of the work, if it is time.
    func run(_ connection: PostgreSQLConnection, deadline: UInt64) throws(PostgreSQLError) {
        let now = clinux_monotonic_nanoseconds()
        guard !isDeleting.load(ordering: .acquiring) else { return }
        if let most = retention.events { try removeOldest(beyond: most, connection, deadline) }
        guard now >= nextRun, !isDeleting.load(ordering: .acquiring) else { return }
        try readClock(connection, deadline)
        var isMore = false
        for (age, severities) in Dictionary(
            grouping: retention.ages.keys, by: { retention.ages[$0] ?? .zero })
        {
            if try expire(Set(severities), age, connection, deadline) { isMore = true }
        }
        if try forgetSeries(connection, deadline) { isMore = true }
        guard !isMore else { return }
        nextRun = now + retention.interval.inNanoseconds
        let count = removed.exchange(0, ordering: .relaxed)
        if count > 0 {
            logger.info("Retention removed \(count) events that had reached their age")
        }
    }

    /// Reads the clock that ages count from, and keeps it for the next leader.
    private func readClock(
        _ connection: PostgreSQLConnection, _ deadline: UInt64
    ) throws(PostgreSQLError) {
        var agedTo: Int64 = 0
        let statement = PostgreSQLStatement(
            "SELECT aged_to, \(PostgreSQLSchema.now) FROM store_state"
        )
        try connection.run([statement], deadline: deadline) { [wall] _, row in
            agedTo = row.integer(0)
            wall.now = Timestamp(clamping: row.integer(1))
            return false
        }
        let clock = clock ?? StoreClock(last: agedTo, wall: { [wall] in wall.now })
        self.clock = clock
        time = clock.now()
        let isStrange = clock.lag > Self.strangeLag
        if isStrange, !hasWarned {
            logger.warning(
                "The database's clock is \(clock.lag / 1000) s ahead of the one that ages count from, which follows by an hour a minute, in case the database's is wrong"
            )
        }
        hasWarned = isStrange
        guard time - agedTo >= Self.clockSaving else { return }
        try connection.run(
            [
                PostgreSQLStatement(
                    "UPDATE store_state SET aged_to = $1 WHERE aged_to < $1", [.integer(time)])
            ], deadline: deadline)
    }

    /// Removes some expired events; true if there may be more.
    private func expire(
        _ severities: Set<Severity>, _ age: Duration, _ connection: PostgreSQLConnection,
        _ deadline: UInt64
    ) throws(PostgreSQLError) -> Bool {
        let names = severities.map { [UInt8]?(Array($0.rawValue.utf8)) }
        var expired: [Int64] = []
        var passed: Int64?
        var rows = 0
        try connection.run(
            [
                PostgreSQLStatement(
                    """
                    SELECT seq, severity = ANY ($1),
                      received_at < $2
                    FROM events WHERE seq > (SELECT min(passed_seq) FROM retention WHERE severity = ANY ($1))
                    ORDER BY seq LIMIT \(Self.rowsAtOnce)
                    """,
                    [.texts(names), .integer(time - Int64(age / .milliseconds(1)))])
            ], deadline: deadline
        ) { _, row in
            guard row.integer(2) != 0 else { return false }
            rows += 1
            passed = row.integer(0)
            if row.integer(1) != 0 { expired.append(row.integer(0)) }
            return true
        }
        guard let passed else { return false }
        // The place moves only once the events before it are gone.
        guard expired.isEmpty else {
            delete(expired, forCount: false)
            return true
        }
        try connection.run(
            [
                PostgreSQLStatement(
                    "UPDATE retention SET passed_seq = $2 WHERE severity = ANY ($1) AND passed_seq < $2",
                    [.texts(names), .integer(passed)])
            ], deadline: deadline)
        return rows == Self.rowsAtOnce
    }

    /// Has the writer delete events, between two of its transactions.
    private func delete(_ seqs: [Int64], forCount: Bool) {
        guard !seqs.isEmpty else { return }
        isDeleting.store(true, ordering: .releasing)
        writer.delete(seqs, isRequested: false) { [self] deleted, error in
            writer.noteRemoved(deleted, forCount: forCount)
            if !forCount { removed.add(deleted, ordering: .relaxed) }
            if let error { logger.warning("Retention has to wait: \(error)") }
            isDeleting.store(false, ordering: .releasing)
        }
    }

    /// Checks the next series, and forgets those that have no event and can no longer grow. After
    /// the last one it starts over.
    private func forgetSeries(
        _ connection: PostgreSQLConnection, _ deadline: UInt64
    ) throws(PostgreSQLError) -> Bool {
        var (checked, forgotten): (Int64, Int64) = (0, 0)
        try connection.run(
            [
                PostgreSQLStatement("BEGIN ISOLATION LEVEL READ COMMITTED"),
                PostgreSQLSchema.Lock.series.statement,
                PostgreSQLStatement(
                    """
                    WITH next AS MATERIALIZED (
                      SELECT key, received_at FROM series WHERE key > $1 ORDER BY key LIMIT \(Self.rowsAtOnce)
                    ), gone AS (
                      DELETE FROM series s USING next WHERE s.key = next.key
                        AND next.received_at <= \(PostgreSQLSchema.now) - $2
                        AND NOT EXISTS (SELECT FROM events WHERE id > s.key || ':' AND id < s.key || ';')
                      RETURNING s.key
                    )
                    SELECT (SELECT max(key) FROM next), (SELECT count(*) FROM next),
                      (SELECT count(*) FROM gone)
                    """, [.text(lastSeries), .integer(SeriesTotals.memory)]),
                PostgreSQLStatement("COMMIT"),
            ], deadline: deadline
        ) { statement, row in
            guard statement == 2 else { return false }
            lastSeries = row.bytes(0).map(Array.init) ?? []
            (checked, forgotten) = (row.integer(1), row.integer(2))
            return false
        }
        if checked < Self.rowsAtOnce { lastSeries = [] }
        return forgotten > 0 && !lastSeries.isEmpty
    }

    /// Removes the oldest of the events that are too many.
    private func removeOldest(
        beyond most: Int, _ connection: PostgreSQLConnection, _ deadline: UInt64
    ) throws(PostgreSQLError) {
        if excess <= 0 {
            excess = counted.withLock { counted in
                defer { counted.events = nil }
                return counted.events.map { $0 - Int64(most) } ?? 0
            }
        }
        guard excess > 0 else { return count() }
        var oldest: [Int64] = []
        try connection.run(
            [
                PostgreSQLStatement(
                    "SELECT seq FROM events ORDER BY seq LIMIT $1",
                    [.integer(min(excess, Int64(Self.rowsAtOnce)))])
            ], deadline: deadline
        ) { _, row in
            oldest.append(row.integer(0))
            return true
        }
        excess -= Int64(oldest.count)
        delete(oldest, forCount: true)
    }

    /// Has the events counted over a connection of its own, because that may take minutes. It takes
    /// at most a twentieth of the time.
    private func count() {
        let begin = clinux_monotonic_nanoseconds()
        let isDue = counted.withLock { counted in
            guard begin >= counted.next else { return false }
            counted.next = .max
            return true
        }
        guard isDue else { return }
        DispatchQueue.global(qos: .utility).async { [self] in
            var events: Int64?
            do throws(PostgreSQLError) {
                let deadline = begin + Self.longestCount
                let connection = try PostgreSQLConnection(address, deadline: deadline)
                try connection.run(
                    [PostgreSQLStatement("SELECT count(*) FROM events")], deadline: deadline
                ) { _, row in
                    events = row.integer(0)
                    return false
                }
            } catch {
                logger.warning("The events cannot be counted for --max-events: \(error)")
            }
            let end = clinux_monotonic_nanoseconds()
            counted.withLock { [events] counted in
                counted.events = events
                counted.next = end + max(Self.countRest, 20 * (end - begin))
            }
        }
    }
}
