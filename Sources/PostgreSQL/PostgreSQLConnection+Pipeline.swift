import CLinux
import CPostgreSQL
import Dispatch
import Glibc
import System

/// A statement that the server's session knows by name.
struct PreparedStatement {
    let name: String
    /// Object ids of the parameters' types; 0 is one that the server inferred.
    let types: [UInt32]
}

/// The progress of the statements that were sent together.
private struct Pipeline {
    enum Step {
        case prepare(_ sql: String)
        case execute(_ statement: Int)
    }

    /// What was sent, in order. libpq reports the end of each with a null result.
    var steps: [Step] = []
    var current = 0
    var isSynced = false
    /// False once the reader wants no more rows of the current statement.
    var isLending = true
    var hasLent = false
    var hasCommitted = false
    /// The first error. What follows it up to the sync is not run.
    var error: PostgreSQLError?
    var rowCounts: [Int]

    init(_ statementCount: Int) { rowCounts = Array(repeating: 0, count: statementCount) }
}

extension PostgreSQLConnection {
    /// The number of names in a session, above which it forgets them all.
    private static let mostNames = 128
    /// The time for the server to answer a cancellation or a rollback.
    private static let patience: UInt64 = 2_000_000_000

    /// Runs statements in one round trip: https://www.postgresql.org/docs/15/libpq-pipeline-mode.html
    ///
    /// Unless there is a BEGIN among them, or a transaction is open, they are one transaction
    /// together. One that fails ends them all, and an open transaction is rolled back before this
    /// throws. They run again unnoticed if a pooler has lost a prepared statement, and none was
    /// committed and no row lent yet.
    ///
    /// - Parameters:
    ///   - deadline: in nanoseconds of `clinux_monotonic_nanoseconds`. Then the server is asked to
    ///     cancel, and the error is 57014, even if a commit was faster than the request: it may not
    ///     have waited for its standby. Without an answer in 2 s the connection is lost.
    ///   - isCancelled: asked at least every 100 ms; true has the effect of the deadline.
    ///   - row: is lent the rows one by one, with their statement's index. If it returns false, the
    ///     rest of that statement's rows are skipped.
    /// - Returns: the number of rows that each statement affected or returned.
    @discardableResult
    public func run(
        _ statements: [PostgreSQLStatement], deadline: UInt64, isCancelled: () -> Bool = { false },
        _ row: (_ statement: Int, _ row: borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) -> [Int] {
        if nameCount >= Self.mostNames, address.namesStatements { try forgetNames(deadline) }
        let wasInTransaction = isInTransaction
        var pipeline = Pipeline(statements.count)
        do {
            try runOnce(statements, &pipeline, deadline, isCancelled, row)
        } catch {
            guard error.isLostStatement, address.namesStatements else { throw error }
            address.stopNaming()
            guard !error.isConnectionLost, !wasInTransaction, !pipeline.hasCommitted,
                !pipeline.hasLent
            else { throw error }
            pipeline = Pipeline(statements.count)
            try runOnce(statements, &pipeline, deadline, isCancelled, row)
        }
        return pipeline.rowCounts
    }

    /// Runs statements in one round trip, and skips their rows.
    @discardableResult
    public func run(
        _ statements: [PostgreSQLStatement], deadline: UInt64, isCancelled: () -> Bool = { false }
    ) throws(PostgreSQLError) -> [Int] {
        try run(statements, deadline: deadline, isCancelled: isCancelled) { _, _ in false }
    }

    private func forgetNames(_ deadline: UInt64) throws(PostgreSQLError) {
        prepared = [:]
        nameCount = 0
        try run([PostgreSQLStatement("DEALLOCATE ALL")], deadline: deadline)
    }

    /// Runs the statements, and ends the transaction if they fail.
    private func runOnce(
        _ statements: [PostgreSQLStatement], _ pipeline: inout Pipeline, _ deadline: UInt64,
        _ isCancelled: () -> Bool, _ row: (Int, borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) {
        guard !isLost else { throw .lost("the connection was lost before") }
        do throws(PostgreSQLError) {
            if isCancelled() || clinux_monotonic_nanoseconds() >= deadline { throw Self.cancelled }
            try exchange(statements, &pipeline, deadline, isCancelled, row)
        } catch {
            if error.isConnectionLost { isLost = true }
            if !isLost, isInTransaction { rollBack() }
            throw isLost ? .lost(error.message, sqlState: error.sqlState) : error
        }
    }

    private static let cancelled = PostgreSQLError(
        sqlState: PostgreSQLError.cancelled, message: "the work was cancelled or took too long")

    /// Ends the transaction. If that fails, the connection is lost, and the server ends it.
    private func rollBack() {
        var pipeline = Pipeline(1)
        let deadline = clinux_monotonic_nanoseconds() + Self.patience
        do {
            try exchange(
                [PostgreSQLStatement("ROLLBACK")], &pipeline, deadline, { false },
                { _, _ in false })
        } catch {
            isLost = true
        }
        if isInTransaction { isLost = true }
    }

    private func exchange(
        _ statements: [PostgreSQLStatement], _ pipeline: inout Pipeline, _ deadline: UInt64,
        _ isCancelled: () -> Bool, _ row: (Int, borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) {
        isUnreplicated.pointee = false
        try send(statements, &pipeline)
        let isCut = try receive(&pipeline, deadline, isCancelled, row)
        if let error = pipeline.error { throw error }
        if isCut { throw Self.cancelled }
        if isUnreplicated.pointee {
            throw PostgreSQLError(
                sqlState: PostgreSQLError.completionUnknown,
                message: "the commit stopped waiting for its standby")
        }
    }

    // MARK: Sending

    /// Hands all statements to libpq, which sends them when the socket takes them.
    private func send(
        _ statements: [PostgreSQLStatement], _ pipeline: inout Pipeline
    ) throws(PostgreSQLError) {
        var parameters: [BinaryParameters] = []
        for statement in statements { parameters.append(try BinaryParameters(statement.values)) }
        for (index, statement) in statements.enumerated() {
            guard send(statement.sql, parameters[index], index, &pipeline) else {
                // Half of the statements must not be committed: the connection ends without a sync.
                throw .lost(line(functions.pointee.PQerrorMessage(handle)))
            }
        }
        guard functions.pointee.PQpipelineSync(handle) == 1 else {
            throw .lost(line(functions.pointee.PQerrorMessage(handle)))
        }
    }

    private func send(
        _ sql: String, _ parameters: BinaryParameters, _ index: Int, _ pipeline: inout Pipeline
    ) -> Bool {
        defer { pipeline.steps.append(.execute(index)) }
        // Without parameters, it is most likely a command, such as BEGIN, that has no plan to keep.
        guard !parameters.types.isEmpty, address.namesStatements else {
            return parameters.withPointers { count, values, lengths, formats in
                functions.pointee.PQsendQueryParams(
                    handle, sql, count, parameters.types, values, lengths, formats, 1)
            } == 1
        }
        guard let name = prepare(sql, parameters.types, &pipeline) else { return false }
        return parameters.withPointers { count, values, lengths, formats in
            functions.pointee.PQsendQueryPrepared(
                handle, name, count, values, lengths, formats, 1)
        } == 1
    }

    /// The name of a statement, which is prepared if it was not yet with these types; nil if libpq
    /// refuses.
    private func prepare(_ sql: String, _ types: [UInt32], _ pipeline: inout Pipeline) -> String? {
        var types = types
        if let known = prepared[sql], known.types.count == types.count {
            // NULL goes with any type.
            for (index, type) in types.enumerated() where type == 0 {
                types[index] = known.types[index]
            }
            if types == known.types { return known.name }
        }
        let statement = PreparedStatement(name: Self.name(sql, types), types: types)
        prepared[sql] = statement
        nameCount += 1
        pipeline.steps.append(.prepare(sql))
        let isSent = functions.pointee.PQsendPrepare(
            handle, statement.name, sql, Int32(types.count), types)
        return isSent == 1 ? statement.name : nil
    }

    /// A name made from the statement: through a pooler, another client's statement can have the
    /// same name only if it is the same.
    private static func name(_ sql: String, _ types: [UInt32]) -> String {
        let text = Array((sql + " \(types)").utf8)
        let digest = text.withUnsafeBytes { SHA256Digest.of($0) }
        return "logbook_" + digest.prefix(16).map(\.hexadecimal).joined()
    }

    // MARK: Receiving

    /// Sends and receives until the sync has arrived.
    ///
    /// - Returns: true if the server was asked to cancel.
    private func receive(
        _ pipeline: inout Pipeline, _ deadline: UInt64, _ isCancelled: () -> Bool,
        _ row: (Int, borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) -> Bool {
        var deadline = deadline
        var cancellation: Cancellation?
        var isCut = false
        var repetition: UInt64 = 0
        var hasEnded = false
        enterStep(pipeline)
        while true {
            while !pipeline.isSynced, functions.pointee.PQisBusy(handle) == 0 {
                try take(functions.pointee.PQgetResult(handle), &pipeline, row)
            }
            if pipeline.isSynced { break }
            if hasEnded { throw lost(pipeline) }
            let now = clinux_monotonic_nanoseconds()
            if !isCut, now >= deadline || isCancelled() {
                isCut = true
                deadline = now + Self.patience
                repetition = now
            }
            guard now < deadline else {
                throw .lost(
                    "the server did not answer a cancellation", sqlState: PostgreSQLError.cancelled)
            }
            // The server forgets a request that arrives between two statements.
            if isCut, now >= repetition, cancellation?.isFinished(by: now) != false {
                cancellation = Cancellation(functions, handle)
                repetition = now + Self.patience / 8
            }
            let unsent = functions.pointee.PQflush(handle)
            // Reads while it writes, or both sides could wait for the other with full buffers.
            _ = Self.wait(
                functions, handle, for: unsent == 1 ? POLLIN | POLLOUT : POLLIN, until: deadline)
            // Even then the server's last words may be in the buffer.
            hasEnded = unsent < 0 || functions.pointee.PQconsumeInput(handle) == 0
        }
        // A request that is still under way could cancel the connection's next statement.
        guard cancellation?.isFinished(by: deadline) != false else {
            throw .lost(Self.cancelled.message, sqlState: PostgreSQLError.cancelled)
        }
        return isCut
    }

    private func lost(_ pipeline: Pipeline) -> PostgreSQLError {
        pipeline.error.map { .lost($0.message, sqlState: $0.sqlState) }
            ?? .lost(line(functions.pointee.PQerrorMessage(handle)))
    }

    /// Has the rows of a statement come one by one, or libpq would gather them all.
    private func enterStep(_ pipeline: Pipeline) {
        guard pipeline.current < pipeline.steps.count,
            case .execute = pipeline.steps[pipeline.current]
        else { return }
        _ = functions.pointee.PQsetSingleRowMode(handle)
    }

    private func take(
        _ result: OpaquePointer?, _ pipeline: inout Pipeline,
        _ row: (Int, borrowing PostgreSQLRow) -> Bool
    ) throws(PostgreSQLError) {
        guard let result else {
            pipeline.current += 1
            pipeline.isLending = true
            // Without a connection, libpq reports ends for ever.
            guard functions.pointee.PQstatus(handle) != CPOSTGRESQL_CONNECTION_BAD,
                pipeline.current <= pipeline.steps.count
            else { throw lost(pipeline) }
            enterStep(pipeline)
            return
        }
        defer { functions.pointee.PQclear(result) }
        let status = Int(functions.pointee.PQresultStatus(result))
        if status == CPOSTGRESQL_PIPELINE_SYNC {
            pipeline.isSynced = true
            return
        }
        guard pipeline.current < pipeline.steps.count else { throw lost(pipeline) }
        switch (pipeline.steps[pipeline.current], status) {
        case (.execute(let index), CPOSTGRESQL_SINGLE_TUPLE):
            guard pipeline.isLending else { return }
            pipeline.hasLent = true
            pipeline.isLending = row(index, PostgreSQLRow(functions, result))
        case (.execute(let index), CPOSTGRESQL_COMMAND_OK),
            (.execute(let index), CPOSTGRESQL_TUPLES_OK):
            pipeline.rowCounts[index] =
                Int(line(functions.pointee.PQcmdTuples(result))) ?? 0
            if line(functions.pointee.PQcmdStatus(result)) == "COMMIT" {
                pipeline.hasCommitted = true
            }
        case (.prepare, CPOSTGRESQL_COMMAND_OK), (.execute, CPOSTGRESQL_PIPELINE_ABORTED): break
        case (.prepare(let sql), CPOSTGRESQL_PIPELINE_ABORTED):
            prepared[sql] = nil
            nameCount -= 1
        case (let step, _):
            if case .prepare(let sql) = step {
                prepared[sql] = nil
                nameCount -= 1
            }
            let error = error(of: result)
            if pipeline.error == nil { pipeline.error = error }
            if error.isConnectionLost { throw lost(pipeline) }
        }
    }

    private func error(of result: OpaquePointer) -> PostgreSQLError {
        func field(_ field: Int32) -> String? {
            functions.pointee.PQresultErrorField(result, field).map { line($0) }
        }
        guard let severity = field(ErrorField.severity), let message = field(ErrorField.message)
        else {
            // Not from the server: it is gone, or what it sent is not understood.
            return .lost(line(functions.pointee.PQerrorMessage(handle)))
        }
        // After these the server closes the connection.
        let isLost = severity == "FATAL" || severity == "PANIC"
        return PostgreSQLError(
            sqlState: field(ErrorField.sqlState) ?? "", message: message, isConnectionLost: isLost)
    }
}

/// A request to cancel what the server does for a connection. It takes another connection, and
/// libpq waits for that one.
private final class Cancellation {
    private let finished = DispatchSemaphore(value: 0)

    init(_ functions: Functions, _ connection: OpaquePointer) {
        // A copy of what it takes, which does not need the connection.
        guard let request = functions.pointee.PQgetCancel(connection) else { return }
        nonisolated(unsafe) let (functions, cancel) = (functions, request)
        DispatchQueue.global().async { [finished] in
            var failure = [CChar](repeating: 0, count: 256)
            // If it fails, the connection's deadline passes.
            _ = functions.pointee.PQcancel(cancel, &failure, Int32(failure.count))
            functions.pointee.PQfreeCancel(cancel)
            finished.signal()
        }
    }

    /// True if the server has taken the request by then.
    func isFinished(by deadline: UInt64) -> Bool {
        finished.wait(timeout: DispatchTime(uptimeNanoseconds: deadline)) == .success
    }
}
