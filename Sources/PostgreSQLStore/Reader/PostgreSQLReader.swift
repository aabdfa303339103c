import CLinux
import EventStore
import Events
import Logging
import PostgreSQL
import System

/// Reads events over one connection, for one thread at a time. A lost connection is made anew.
final class PostgreSQLReader: EventReader {
    private let address: PostgreSQLAddress
    private let logger: Logger
    private var connection: PostgreSQLConnection?
    /// The request of the current read.
    private var request: ReadRequest?
    private var deadline = UInt64.max
    private var isInSnapshot = false
    /// The bytes of a row, as the last statements had them.
    private var rowBytes = 1024
    /// The memory used by statistics, for all reads together.
    let tallyBytes: SharedTally

    /// Nanoseconds that connecting, and what has no budget of its own, may take.
    private static let patience: UInt64 = 10_000_000_000

    init(_ address: PostgreSQLAddress, tallyBytes: SharedTally, logger: Logger) {
        self.address = address
        self.tallyBytes = tallyBytes
        self.logger = logger
    }

    /// Runs `body` with all its reads belonging to `request`, and ending with it.
    func serve(_ request: ReadRequest, _ body: () -> Void) {
        self.request = request
        defer { self.request = nil }
        body()
    }

    // MARK: Running statements

    /// Ends the reads of `body` after `budget`.
    func within<Result>(
        _ budget: Duration, _ body: () throws(PostgreSQLError) -> Result
    ) throws(StoreError) -> Result {
        let now = clinux_monotonic_nanoseconds()
        deadline = min(now + budget.inNanoseconds, request?.deadline ?? .max)
        defer { deadline = .max }
        do {
            return try body()
        } catch {
            throw storeError(error)
        }
    }

    /// As `within`, for what takes no time worth bounding.
    func reading<Result>(
        _ body: () throws(PostgreSQLError) -> Result
    ) throws(StoreError) -> Result {
        try within(.nanoseconds(Int64(Self.patience)), body)
    }

    private func storeError(_ error: PostgreSQLError) -> StoreError {
        if request?.isCancelled ?? false { return .cancelled }
        // Connecting takes of the read's time, too.
        if error.isCancellation || clinux_monotonic_nanoseconds() >= deadline { return .timeLimit }
        logger.error("Reading the database failed: \(error)")
        return .unavailable("the database cannot be read at the moment")
    }

    /// Checks between two events that the read may continue.
    func checkTime() throws(PostgreSQLError) {
        guard request?.isCancelled ?? false || clinux_monotonic_nanoseconds() > deadline else {
            return
        }
        throw .ended("the read has to end")
    }

    /// Runs `body` on one snapshot of the database.
    func inSnapshot<Result>(
        _ body: () throws(PostgreSQLError) -> Result
    ) throws(PostgreSQLError) -> Result {
        guard !isInSnapshot else { return try body() }
        try exchange(after: [Self.begin, settings()], [], mayRepeat: true) { _, _ in false }
        isInSnapshot = true
        defer {
            isInSnapshot = false
            if let connection, connection.isInTransaction {
                do throws(PostgreSQLError) {
                    try connection.run(
                        [PostgreSQLStatement("COMMIT")],
                        deadline: clinux_monotonic_nanoseconds() + Self.patience)
                } catch {
                    logger.warning("A read could not be ended: \(error)")
                    self.connection = nil
                }
            }
        }
        return try body()
    }

    /// Runs `statements` in one round trip and lends their rows; the index is the statement's.
    func run(
        _ statements: [PostgreSQLStatement],
        _ row: (_ statement: Int, _ row: borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) {
        guard !isInSnapshot else { return try exchange(statements, mayRepeat: false, row) }
        // One statement and its settings are a transaction by themselves.
        let isSingle = statements.count == 1
        try exchange(
            after: isSingle ? [settings()] : [Self.begin, settings()], statements,
            before: isSingle ? [] : [PostgreSQLStatement("COMMIT")], mayRepeat: true, row)
    }

    /// Runs one statement and lends its rows.
    func run(
        _ statement: PostgreSQLStatement, _ row: (_ row: borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) {
        try run([statement]) { _, found in row(found) }
    }

    /// The number in the first row and column; nil for NULL or no row.
    func number(_ statement: PostgreSQLStatement) throws(PostgreSQLError) -> Int64? {
        var number: Int64?
        try run(statement) { row in
            if !row.isNull(0) { number = row.integer(0) }
            return false
        }
        return number
    }

    private static let begin = PostgreSQLStatement(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    /// Plans depend on the values: a filter may admit all events, or none. The server ends a
    /// statement by itself, should this process not be there to do so.
    private func settings() -> PostgreSQLStatement {
        let now = clinux_monotonic_nanoseconds()
        let left = deadline > now ? min(deadline - now, 3_600_000_000_000) : 0
        return PostgreSQLStatement(
            "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('statement_timeout', $1, true)",
            [.text(Array("\(left / 1_000_000 + 1000)".utf8))])
    }

    /// Lends the rows of `statements`, which run between others in one round trip.
    ///
    /// - Parameter mayRepeat: true to try once more with a new connection, if nothing was lent.
    private func exchange(
        after first: [PostgreSQLStatement] = [], _ statements: [PostgreSQLStatement],
        before last: [PostgreSQLStatement] = [], mayRepeat: Bool,
        _ row: (Int, borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) {
        let all = first + statements + last
        let lent = first.count..<(first.count + statements.count)
        var hasLent = false
        func exchange() throws(PostgreSQLError) {
            let isCancelled = { self.request?.isCancelled ?? false }
            try connected().run(all, deadline: deadline, isCancelled: isCancelled) {
                guard lent.contains($0) else { return false }
                hasLent = true
                return row($0 - first.count, $1)
            }
        }
        do {
            try exchange()
        } catch {
            if error.isConnectionLost { connection = nil }
            guard mayRepeat, error.mayPass, !error.isCancellation, !hasLent else { throw error }
            connection = nil
            try exchange()
        }
    }

    private func connected() throws(PostgreSQLError) -> PostgreSQLConnection {
        if let connection, !connection.isLost { return connection }
        let new = try PostgreSQLConnection(
            address, deadline: min(deadline, clinux_monotonic_nanoseconds() + Self.patience))
        connection = new
        return new
    }

    // MARK: Rows at once

    /// The bytes that one statement may send in vain, because its reader has enough.
    private static let bytesAtOnce = 1024 * 1024
    private static let mostRows = 16_384

    /// The rows for the next statement of a walk, after one of `before` rows. The first has few, so
    /// that a reader who wants few is not kept waiting.
    func rowsAtOnce(after before: Int? = nil) -> Int {
        min(Self.mostRows, max(1, Self.bytesAtOnce / rowBytes), before.map { $0 * 2 } ?? 64)
    }

    /// Notes what the rows of a statement had.
    func note(rows: Int, bytes: Int) {
        guard rows > 0 else { return }
        rowBytes = max(1, (rowBytes + bytes / rows) / 2)
    }

    // MARK: Single answers

    func get<Result>(
        id: UnsafeRawBufferPointer, _ body: (EventView) -> Result
    ) throws(StoreError) -> Result? {
        // An id that is not UTF-8, or has U+0000, is nobody's.
        guard EventRules.isID(String(decoding: id, as: UTF8.self)) else { return nil }
        let statement = PostgreSQLStatement(
            "SELECT \(EventRow.columns) FROM events WHERE id = $1", [.text(Array(id))])
        return try reading { () throws(PostgreSQLError) in
            var result: Result?
            try run(statement) { row in
                result = EventRow.withView(row, body)
                return false
            }
            return result
        }
    }

    func lastSeqs(
        ofIDs prefixes: [[UInt8]], upTo last: Int64, before until: String?
    ) throws(StoreError) -> [Int64] {
        guard !prefixes.isEmpty else { return [] }
        var values: [PostgreSQLValue] = [
            .texts(prefixes), .texts(prefixes.map(\.endOfPrefix)), .integer(last),
        ]
        if let until { values.append(.text(Array(until.utf8))) }
        let statement = PostgreSQLStatement(
            """
            SELECT (
              SELECT max(e.seq) FROM events e
              WHERE e.id >= p.first COLLATE "C" AND e.id < p.after COLLATE "C" AND e.seq <= $3
              \(until == nil ? "" : "AND e.created_at < $4")
            ) FROM unnest($1, $2) WITH ORDINALITY p(first, after, place) ORDER BY p.place
            """, values)
        return try reading { () throws(PostgreSQLError) in
            var seqs: [Int64] = []
            try run(statement) { row in
                seqs.append(row.isNull(0) ? 0 : row.integer(0))
                return true
            }
            return seqs
        }
    }

    func namespaces(limit: Int) throws(StoreError) -> [String] {
        // From one entry of the index to the next one that differs.
        let statement = PostgreSQLStatement(
            """
            WITH RECURSIVE places AS (
              (SELECT object_kind AS kind, object_namespace AS namespace FROM events
               WHERE object_kind IS NOT NULL AND object_namespace IS NOT NULL
               ORDER BY object_kind, object_namespace LIMIT 1)
              UNION ALL
              SELECT next.kind, next.namespace FROM places CROSS JOIN LATERAL (
                SELECT e.object_kind AS kind, e.object_namespace AS namespace FROM events e
                WHERE (e.object_kind, e.object_namespace) > (places.kind, places.namespace)
                  AND e.object_namespace IS NOT NULL
                ORDER BY e.object_kind, e.object_namespace LIMIT 1) next
            )
            SELECT DISTINCT namespace COLLATE "C" FROM places ORDER BY 1 LIMIT $1
            """, [.integer(Int64(limit))])
        return try reading { () throws(PostgreSQLError) in
            var found: [String] = []
            try run(statement) { row in
                found.append(row.text(0) ?? "")
                return true
            }
            return found
        }
    }

    func observedAt(source: String) throws(StoreError) -> Timestamp? {
        try reading { () throws(PostgreSQLError) in
            try number(
                PostgreSQLStatement(
                    "SELECT observed_at FROM sources WHERE name = $1",
                    [.text(StoredText.escaped(Array(source.utf8)))]))
        }.map(Timestamp.init(clamping:))
    }

    func describeSchema() throws(StoreError) -> SchemaDescription {
        try reading { () throws(PostgreSQLError) in try SchemaDescription(self) }
    }
}

extension PostgreSQLError {
    /// The error of a read that this process ends itself, with the code of one that the server ends.
    static func ended(_ reason: String) -> PostgreSQLError {
        PostgreSQLError(sqlState: "57014", message: reason)
    }
}
