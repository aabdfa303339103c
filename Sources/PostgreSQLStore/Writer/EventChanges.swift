import CLinux
import EventStore
import Events
import PostgreSQL
import System

/// Stores and deletes events, over the writer's connection.
final class EventChanges {
    private let address: PostgreSQLAddress
    private let requiresReplication: Bool
    /// Nanoseconds that one exchange may take.
    private let patience: UInt64
    private let head: Head
    private var connection: PostgreSQLConnection?
    private let words = WordList()
    /// The ids of events in the transaction whose outcome is not known.
    private var doubtful: Set<[UInt8]> = []
    /// The number of events that a deletion removed whose outcome is not known.
    private var doubtfulDeletions = 0
    /// True if a commit may have taken place without a standby. The next one waits until the standby
    /// has everything before it, too.
    private var isUnsure = false

    /// The revisions that one in which nothing happened is compared with, and their bytes.
    static let mostCompared = 64
    static let mostComparedBytes = 512 * 1024

    init(_ configuration: PostgreSQLConfiguration, head: Head) {
        address = configuration.address
        requiresReplication = configuration.requiresReplication
        patience = configuration.exchangeLimit.inNanoseconds
        self.head = head
    }

    /// The outcome of a change, and its nanoseconds: all, and those of the last round trip.
    struct Change<Result> {
        let result: Result
        let tally: EventTally
        let time, syncTime: Int
    }

    // MARK: The connection

    private var deadline: UInt64 { clinux_monotonic_nanoseconds() + patience }

    private func run(
        _ statements: [PostgreSQLStatement],
        _ row: (_ statement: Int, _ row: borrowing PostgreSQLRow) -> Bool = { _, _ in false }
    ) throws(PostgreSQLError) {
        let connection = try connected()
        do {
            try connection.run(statements, deadline: deadline, row)
        } catch {
            if error.isConnectionLost || connection.isLost { self.connection = nil }
            throw error
        }
    }

    private func connected() throws(PostgreSQLError) -> PostgreSQLConnection {
        if let connection { return connection }
        let new = try PostgreSQLConnection(address, deadline: deadline)
        try Epoch.check(
            new, seen: head, requiresReplication: requiresReplication, deadline: deadline)
        connection = new
        return new
    }

    /// Ends the connection.
    func close() { connection = nil }

    /// Makes sure that events can be stored, by storing none.
    func probe() throws(PostgreSQLError) {
        let nothing = try AppendPlan(
            [], stored: [:], series: [:], doubtful: [], findRepeated: repeated)
        try run(
            Self.begin + [
                nothing.statement(words, requiresReplication: requiresReplication),
                Self.commit,
            ])
    }

    /// Begins a transaction whose commit is synced, by a standby too if there is one, whatever the
    /// server's default. It ends by itself if this process stops in the middle.
    private static let begin = [
        PostgreSQLStatement("BEGIN ISOLATION LEVEL READ COMMITTED"),
        PostgreSQLStatement(
            """
            SELECT set_config('idle_in_transaction_session_timeout', '10000', true),
              set_config('statement_timeout', '15000', true),
              CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
                THEN set_config('synchronous_commit', 'on', true) END
            """),
    ]
    private static let commit = PostgreSQLStatement("COMMIT")
    /// True if a standby takes part in commits.
    private static let isReplicated = "current_setting('synchronous_standby_names') <> ''"
    /// Has the commit wait until the standby has it, and everything before it, if one takes part.
    private static let touch = PostgreSQLStatement(
        "SELECT pg_logical_emit_message(true, 'logbook', '') WHERE \(isReplicated)")

    // MARK: Storing

    /// Stores the events of `requests`, all of them or, if it throws, none.
    ///
    /// - Throws: 23505 if another process stored one of the ids meanwhile: try again.
    func append(
        _ requests: [AppendPlan.Request]
    ) throws(PostgreSQLError) -> Change<[[AppendOutcome]]> {
        let begun = clinux_monotonic_nanoseconds()
        var ids: [[UInt8]] = []
        var keys: Set<[UInt8]> = []
        for request in requests {
            for event in request.events {
                event.withView { view in if let id = view[.id] { ids.append(Array(id)) } }
                if let series = event.series { keys.insert(series.key) }
            }
        }
        let isTransaction = !keys.isEmpty
        var look = isTransaction ? Self.begin + [PostgreSQLSchema.Lock.series.statement] : []
        let first = look.count
        look.append(
            PostgreSQLStatement(
                "SELECT \(EventRow.columns), \(Self.isReplicated) FROM events WHERE id = ANY ($1)",
                [.texts(ids)]))
        if isTransaction { look.append(SeriesState.select(Array(keys))) }
        var stored: [[UInt8]: (event: Event, receipt: EventReceipt)] = [:]
        var series: [[UInt8]: SeriesState] = [:]
        var isReplicated = false
        try run(look) { statement, row in
            if statement == first {
                isReplicated = row.integer(EventRow.count) != 0
                EventRow.withView(row) { event in
                    if let id = event[.id] { stored[Array(id)] = (Event(event), event.receipt) }
                }
            } else if statement > first, let key = row.bytes(0) {
                series[Array(key)] = SeriesState(row)
            }
            return statement >= first
        }
        let plan = try AppendPlan(
            requests, stored: stored, series: series, doubtful: doubtful, findRepeated: repeated)
        var last = isTransaction ? [] : Self.begin
        last += plan.series.statements
        let place = last.count
        // Another Logbook's commit can be seen before the standby has it, if its wait was cut off.
        let confirms = plan.count == 0 && (isTransaction || isReplicated || requiresReplication)
        if plan.count > 0 || confirms && requiresReplication {
            last.append(plan.statement(words, requiresReplication: requiresReplication))
        }
        if confirms || isUnsure { last.append(Self.touch) }
        last.append(Self.commit)
        var (base, moment): (Int64, Int64) = (0, 0)
        let sent = clinux_monotonic_nanoseconds()
        if last.count > Self.begin.count + 1 || isTransaction {
            let before = doubtful
            doubtful.formUnion(plan.newIDs)
            do throws(PostgreSQLError) {
                try run(last) { statement, row in
                    guard statement == place, plan.count > 0 else { return false }
                    (base, moment) = (row.integer(0), row.integer(1))
                    return false
                }
            } catch {
                // Otherwise the server has said that it stored nothing.
                if error.mayHaveCommitted { isUnsure = true } else { doubtful = before }
                throw error
            }
            isUnsure = false
        }
        doubtful.removeAll()
        let end = clinux_monotonic_nanoseconds()
        if plan.count > 0 { head.note(base + Int64(plan.count)) }
        let (outcomes, tally) = plan.results(base: base, moment: moment)
        return Change(
            result: outcomes, tally: tally, time: Int(end - begun), syncTime: Int(end - sent))
    }

    /// Forgets the doubts about a transaction that will not be tried again.
    func giveUp() {
        doubtful.removeAll()
        doubtfulDeletions = 0
    }

    /// Finds a stored revision of the series that says the same as `event`, the last one stored
    /// first. Small events must not make the writer read large ones again and again, so it ends
    /// after some bytes.
    private func repeated(
        _ event: Event, of series: EventSeries
    ) throws(PostgreSQLError) -> AppendOutcome? {
        let createdAt = event.withView { $0[.createdAt].map(Array.init) ?? [] }
        let statement = PostgreSQLStatement(
            """
            SELECT \(EventRow.columns) FROM
              (SELECT *, sum(bytes) OVER (ORDER BY seq DESC) - bytes AS before FROM
                (SELECT \(EventRow.columns), coalesce(octet_length(metadata), 0)
                   + coalesce(octet_length(description), 0) AS bytes
                 FROM events WHERE id > $1 AND id < $2
                 ORDER BY id DESC LIMIT \(Self.mostCompared)) newest WHERE created_at = $3) e
            WHERE before < \(Self.mostComparedBytes) ORDER BY seq DESC
            """,
            [
                .text(series.key + [UInt8(ascii: ":")]),
                .text(series.key + [UInt8(ascii: ":") + 1]), .text(createdAt),
            ])
        var found: AppendOutcome?
        try run([statement]) { _, row in
            EventRow.withView(row) { stored in
                if event.repeats(stored) { found = .duplicate(Event(stored), stored.receipt) }
            }
            return found == nil
        }
        return found
    }

    // MARK: Deleting

    /// Deletes the event with this id, or those with these seqs.
    func delete(id: [UInt8]) throws(PostgreSQLError) -> Change<Int> {
        try delete("id = $1", .text(id))
    }

    /// Deletes the events with these seqs.
    func delete(seqs: [Int64]) throws(PostgreSQLError) -> Change<Int> {
        try delete("seq = ANY ($1)", .integers(seqs))
    }

    private func delete(
        _ condition: String, _ value: PostgreSQLValue
    ) throws(PostgreSQLError) -> Change<Int> {
        let begun = clinux_monotonic_nanoseconds()
        var count = 0
        var revisions: [(key: [UInt8], occurrences: Int64, receivedAt: Int64)] = []
        var highest: [String: Int64] = [:]
        var now: Int64 = 0
        let first = Self.begin.count + 1
        try run(
            Self.begin + [
                PostgreSQLSchema.Lock.series.statement,
                PostgreSQLStatement(
                    "DELETE FROM events WHERE \(condition) RETURNING seq, severity, id, occurrences, received_at",
                    [value]),
                PostgreSQLStatement(
                    "SELECT \(PostgreSQLSchema.now)"),
            ]
        ) { statement, row in
            if statement == first {
                count += 1
                let severity = row.text(1) ?? ""
                highest[severity] = max(highest[severity] ?? 0, row.integer(0))
                if let id = row.bytes(2), let series = EventSeries(id: id, count: 1) {
                    revisions.append((series.key, row.integer(3), row.integer(4)))
                }
            } else if statement > first {
                now = row.integer(0)
            }
            return statement >= first
        }
        var series: [[UInt8]: SeriesState] = [:]
        var isFull = false
        if !revisions.isEmpty {
            let keys = Array(Set(revisions.map(\.key)))
            try run([SeriesState.selectFull, SeriesState.select(keys)]) { statement, row in
                if statement == 0 {
                    isFull = row.integer(0) != 0
                } else if let key = row.bytes(0) {
                    series[Array(key)] = SeriesState(row)
                }
                return true
            }
        }
        for revision in revisions {
            series[revision.key]?.noteDeleted(
                occurrences: revision.occurrences, receivedAt: revision.receivedAt, now: now,
                isFull: isFull)
        }
        var last = series.statements
        if let newest = highest.values.max() {
            // The seq of the newest event is not given again, and its time does not come again.
            last.append(
                PostgreSQLStatement(
                    """
                    UPDATE store_state SET floor_seq = greatest(floor_seq, $1), clock = greatest(clock,
                      \(PostgreSQLSchema.now))
                    WHERE NOT EXISTS (SELECT FROM events WHERE seq > $1)
                    """, [.integer(newest)]))
        }
        for (severity, seq) in highest.sorted(by: { $0.key < $1.key }) {
            last.append(
                PostgreSQLStatement(
                    "UPDATE retention SET removed_seq = $2 WHERE severity = $1 AND removed_seq < $2",
                    [.text(Array(severity.utf8)), .integer(seq)]))
        }
        let sent = clinux_monotonic_nanoseconds()
        // An earlier try may have deleted them, and then its number is the answer.
        let before = doubtfulDeletions
        doubtfulDeletions = max(before, count)
        if isUnsure { last.append(Self.touch) }
        do throws(PostgreSQLError) {
            try run(last + [Self.commit])
        } catch {
            if error.mayHaveCommitted { isUnsure = true } else { doubtfulDeletions = before }
            throw error
        }
        isUnsure = false
        count = doubtfulDeletions
        doubtfulDeletions = 0
        let end = clinux_monotonic_nanoseconds()
        var tally = EventTally()
        tally.deleted = count
        head.note(0)
        return Change(
            result: count, tally: tally, time: Int(end - begun), syncTime: Int(end - sent))
    }

    // MARK: Sources

    /// Records that everything from `source` up to `moment` has arrived.
    func noteObserved(_ source: String, upTo moment: Timestamp) throws(PostgreSQLError) {
        try run(
            Self.begin + [
                PostgreSQLStatement(
                    "INSERT INTO sources VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET observed_at = excluded.observed_at",
                    [
                        .text(StoredText.escaped(Array(source.utf8))),
                        .integer(moment.milliseconds),
                    ]), Self.commit,
            ])
        head.note(0)
    }
}
