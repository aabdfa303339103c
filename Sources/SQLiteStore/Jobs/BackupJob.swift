import CLinux
import SQLite

/// Copies the database while events come in, some pages per slice, on the connection that writes.
/// So commits meanwhile go into the copy too, and no snapshot keeps the WAL from being emptied,
/// however large the file.
final class BackupJob: WriterJob {
    /// The last `seq` of the copy, or the reason there is none.
    typealias Completion = @Sendable (Result<Int64, SQLiteError>) -> Void

    let name = "backup"
    private let connection: Connection
    private var backup: Backup?
    private var completion: Completion?
    private var size = SliceSize(16...1024, first: 128)

    init(_ connection: Connection) { self.connection = connection }

    /// Begins a copy; the completion comes when it is complete, on the writer's thread.
    func begin(to path: String, _ completion: @escaping Completion) {
        precondition(backup == nil, "one copy at a time")
        do {
            backup = try Backup(of: connection, to: path)
            self.completion = completion
        } catch {
            completion(.failure(error))
        }
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard let backup else { return .afterCommit() }
        do {
            let begin = clinux_monotonic_nanoseconds()
            let isWhole = try backup.step(pages: size.count)
            size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin))
            guard isWhole else { return .soon }
            let last = try connection.integer("SELECT coalesce(max(seq), 0) FROM events") ?? 0
            end(.success(last))
        } catch {
            end(.failure(error))
            if error.isDamage { throw error }
        }
        return .afterCommit()
    }

    /// Abandons the copy that is being made.
    func stop() {
        guard backup != nil else { return }
        end(.failure(SQLiteError(extendedCode: SQLiteError.interrupt, message: "shutting down")))
    }

    private func end(_ result: Result<Int64, SQLiteError>) {
        // The new file is closed before it is used.
        backup = nil
        let completion = completion
        self.completion = nil
        completion?(result)
    }
}
