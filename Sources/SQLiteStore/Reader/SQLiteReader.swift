import CLinux
public import EventStore
public import Events
import Logging
import SQLite
import System

/// A read-only connection with its prepared statements. Only one thread at a time may use it.
public final class SQLiteReader: LocalReader {
    private let connection: Connection
    private let logger: Logger
    private let find: Statement
    /// Reads the progress of the search index and of the events.
    let progress: Statement
    /// Other statements by their SQL. Queries have few shapes, but enough that old ones are
    /// dropped.
    private var statements: [String: Statement] = [:]
    /// The statements of the most recent streams.
    private var streams: [StreamFilter: StreamStatement] = [:]
    private var deadline = UInt64.max
    /// The request of the current read, if it may take its time.
    private var request: ReadRequest?
    private let begin, end: Statement
    /// The snapshot is not older than this commit; nil if none is held.
    private var heldCommit: Int?
    private var isInSnapshot = false
    /// The number of rows met that are not events.
    private var leftOut = 0
    private let reads: OpenReads
    /// The activity that others see. It lasts as long as a snapshot is held, not only while
    /// something is being read, because a snapshot alone keeps the WAL from being emptied.
    private let activity: OpenReads.Activity

    private static let cachedStatements = 64
    /// Steps of the virtual machine between two checks of the clock.
    private static let stepsPerLook: Int32 = 1000

    convenience init(
        path: String, logger: Logger, reads: OpenReads = OpenReads()
    ) throws(SQLiteError) {
        try self.init(Connection(path, .readOnly), logger: logger, reads: reads)
    }

    init(
        _ connection: Connection, logger: Logger, reads: OpenReads = OpenReads()
    ) throws(SQLiteError) {
        self.logger = logger
        self.reads = reads
        activity = reads.add()
        self.connection = connection
        connection.setBusyTimeout(milliseconds: 100)
        try connection.execute("PRAGMA query_only=ON; PRAGMA temp_store=MEMORY")
        find = try connection.prepare("SELECT \(EventTable.columns) FROM events WHERE id = ?")
        begin = try connection.prepare("BEGIN")
        end = try connection.prepare("COMMIT")
        progress = try connection.prepare(
            "SELECT indexed_seq, (SELECT max(seq) FROM events) FROM search_state")
        connection.interruptWhen(every: Self.stepsPerLook) { [unowned self] in mustEnd }
    }

    deinit { reads.remove(activity) }

    /// The memory used by statistics, for all reads together.
    var tallyBytes: SharedTally { reads.tallyBytes }

    /// Runs `body` with all its reads belonging to `request`, and ending with it.
    func serve(_ request: ReadRequest, _ body: () -> Void) {
        self.request = request
        defer { self.request = nil }
        body()
    }

    /// True if the current read must end: its time is over, its client is gone, or it holds up the
    /// writer.
    var mustEnd: Bool {
        (deadline != .max && clinux_monotonic_nanoseconds() > deadline) || activity.isStopped
            || request?.isCancelled ?? false
    }

    /// Checks between two events that the read may continue, because SQLite checks only while it is
    /// working itself.
    func checkTime() throws(SQLiteError) {
        guard mustEnd else { return }
        throw SQLiteError(extendedCode: SQLiteError.interrupt, message: "the read has to end")
    }

    /// Makes the reads up to `endSnapshot` share a snapshot, which saves each of them a lock on the
    /// WAL. A snapshot older than `commit`, or one told to end, is renewed: a client told of a
    /// commit sees it.
    public func holdSnapshot(atLeast commit: Int) throws(StoreError) {
        guard heldCommit != commit || activity.isStopped else { return }
        endSnapshot()
        try storing { () throws(SQLiteError) in try begin.run() }
        activity.begin()
        heldCommit = commit
    }

    /// Releases the snapshot. A WAL that is being read cannot be emptied.
    public func endSnapshot() {
        guard heldCommit != nil else { return }
        heldCommit = nil
        defer { activity.end() }
        // Some errors have already ended it.
        guard connection.isInTransaction else { return }
        do throws(SQLiteError) {
            try end.run()
        } catch {
            logger.error("Ending a read failed: \(error)")
            connection.rollback()
        }
    }

    /// The highest seq of all events; 0 if there are none.
    func lastSeq() throws(SQLiteError) -> Int64 {
        defer { progress.reset() }
        return try progress.step() ? EventTable.clampedSeq(progress.integer(1)) : 0
    }

    /// Lends the event with this id; nil if there is none.
    public func get<Result>(
        id: UnsafeRawBufferPointer, _ body: (EventView) -> Result
    ) throws(StoreError) -> Result? {
        var isFound = false
        let result = try storing { () throws(SQLiteError) -> Result? in
            try find.bind(1, borrowing: id)
            defer { find.reset() }
            isFound = try find.step()
            return isFound ? servable(find).map(body) : nil
        }
        // An event that exists but cannot be shown is not "no such event".
        guard result != nil || !isFound else { throw .damaged }
        return result
    }

    /// Returns for each of `prefixes` the highest seq of the events whose id begins with it.
    public func lastSeqs(
        ofIDs prefixes: [[UInt8]], upTo last: Int64, before until: String?
    ) throws(StoreError) -> [Int64] {
        try storing { () throws(SQLiteError) in
            let statement = try statement(
                "SELECT max(seq) FROM events WHERE id >= ? AND id < ? AND seq <= ?\(until == nil ? "" : " AND created_at < ?")"
            )
            return try prefixes.map { (prefix) throws(SQLiteError) in
                var values: [BoundValue] = [
                    .text(prefix), .text(prefix.endOfPrefix), .integer(last),
                ]
                if let until { values.append(.text(Array(until.utf8))) }
                try statement.bind(values)
                defer { statement.reset() }
                return try statement.step() ? statement.integer(0) : 0
            }
        }
    }

    /// Returns the namespaces of objects that have events.
    public func namespaces(limit: Int) throws(StoreError) -> [String] {
        try storing { () throws(SQLiteError) in
            // From one entry of the index to the next one that differs.
            let statement = try statement(
                """
                SELECT object_kind, object_namespace FROM events INDEXED BY idx_events_object \
                WHERE (object_kind, object_namespace) > (?, ?) \
                ORDER BY object_kind, object_namespace LIMIT 1
                """)
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            var found: Set<String> = []
            var place: (kind: [UInt8], namespace: [UInt8]) = ([], [])
            while found.count < limit {
                try statement.bind([.text(place.kind), .text(place.namespace)])
                defer { statement.reset() }
                guard try statement.step() else { break }
                try checkTime()
                place = (Array(statement.bytes(0) ?? none), Array(statement.bytes(1) ?? none))
                if !place.namespace.isEmpty {
                    found.insert(String(decoding: place.namespace, as: UTF8.self))
                }
            }
            return found.sorted()
        }
    }

    /// A view of the current row of `statement`; nil, with a log line, if it is not an event.
    func servable(_ statement: Statement) -> EventView? {
        if let view = EventTable.servable(statement) { return view }
        leftOut += 1
        // Logs the first, then at ever longer intervals, because pages may meet the same row again
        // and again.
        if leftOut.nonzeroBitCount == 1 {
            logger.error(
                "The row with the seq \(statement.integer(Int32(EventField.seq.rawValue))) was left out of an answer because it is not an event (rows left out before: \(leftOut - 1)). 'logbook check' lists the errors"
            )
        }
        return nil
    }

    /// Takes a snapshot of the database for the reads up to `countSnapshot`.
    func takeSnapshot() throws(StoreError) {
        try holdSnapshot(atLeast: 0)
        do {
            try storing { () throws(SQLiteError) in
                // BEGIN alone reads nothing; the snapshot is taken at the first read.
                try connection.execute("SELECT 1 FROM schema_version LIMIT 1")
            }
        } catch {
            endSnapshot()
            throw error
        }
    }

    /// Counts the events in the snapshot.
    func countSnapshot() throws(StoreError) -> Int {
        defer { endSnapshot() }
        return try storing { () throws(SQLiteError) in
            Int(try connection.integer("SELECT count(*) FROM events") ?? 0)
        }
    }

    /// Returns the time up to which everything from `source` has arrived; nil for an unknown
    /// source.
    public func observedAt(source: String) throws(StoreError) -> Timestamp? {
        try storing { () throws(SQLiteError) in
            let row = try connection.prepare("SELECT observed_at FROM sources WHERE name = ?")
            try row.bind(1, source)
            return try row.number().map(Timestamp.init(clamping:))
        }
    }

    /// Describes the file for `/schema`.
    public func describeSchema() throws(StoreError) -> SchemaDescription {
        try storing { () throws(SQLiteError) in try SchemaDescription(connection) }
    }

    func storing<Result>(
        _ body: () throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        if heldCommit == nil { activity.begin() }
        defer { if heldCommit == nil { activity.end() } }
        do {
            return try body()
        } catch {
            if activity.isStopped {
                throw .unavailable(
                    "the query was stopped because it blocked the writing of events")
            }
            if error.isInterrupt {
                throw request?.isCancelled ?? false ? .cancelled : .timeLimit
            }
            throw Self.failure("Reading the database failed", error, logger, reads)
        }
    }

    /// Opens a reader of the file at `path`, for one thread.
    static func open(
        _ path: String, logger: Logger, reads: OpenReads
    ) throws(StoreError) -> SQLiteReader {
        do {
            return try SQLiteReader(path: path, logger: logger, reads: reads)
        } catch {
            throw failure("Cannot open the database for reading", error, logger, reads)
        }
    }

    /// Notes and logs a failed read; returns the error for the caller.
    private static func failure(
        _ what: String, _ error: SQLiteError, _ logger: Logger, _ reads: OpenReads
    ) -> StoreError {
        reads.note(error)
        logger.error("\(what): \(error)")
        return error.isDamage
            ? .damaged : .unavailable("the database cannot be read at the moment")
    }

    // MARK: SQL

    /// The statement of `sql`, which only one use at a time may have.
    func statement(_ sql: String) throws(SQLiteError) -> Statement {
        if let cached = statements[sql] { return cached }
        if statements.count >= Self.cachedStatements { statements.removeAll() }
        let statement = try connection.prepare(sql)
        statements[sql] = statement
        return statement
    }

    /// The SQL of `filter`.
    func stream(_ filter: StreamFilter) -> StreamStatement {
        if let cached = streams[filter] { return cached }
        if streams.count >= Self.cachedStatements { streams.removeAll() }
        let stream = StreamStatement(filter)
        streams[filter] = stream
        return stream
    }

    /// Runs `body` on one snapshot of the database.
    func inSnapshot<Result>(
        _ body: () throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        guard heldCommit == nil, !isInSnapshot else { return try body() }
        try begin.run()
        isInSnapshot = true
        defer {
            connection.rollback()
            isInSnapshot = false
        }
        return try body()
    }

    /// Ends the reads of `body` after `budget`.
    func within<Result>(
        _ budget: Duration, _ body: () throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        try storing { () throws(SQLiteError) in
            deadline = min(
                clinux_monotonic_nanoseconds() + budget.inNanoseconds, request?.deadline ?? .max)
            defer { deadline = .max }
            return try body()
        }
    }

    /// The output of EXPLAIN QUERY PLAN for a page, for tests.
    ///
    /// - Parameter bySearch: true to use the search index if possible.
    func explain(_ query: EventQuery, bySearch: Bool = true) throws(SQLiteError) -> [String] {
        var statements = PagePlan(query).parts.map(\.sql)
        if bySearch, let plan = SearchPlan(query) { statements = [plan.sql, plan.tail.sql] }
        var lines: [String] = []
        for sql in statements {
            let statement = try connection.prepare("EXPLAIN QUERY PLAN " + sql)
            while try statement.step() { lines.append(statement.text(3) ?? "") }
        }
        return lines
    }
}
