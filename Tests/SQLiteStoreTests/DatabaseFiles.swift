import Events
import SQLite
import Synchronization
import TestSupport

@testable import EventStore
@testable import SQLiteStore

/// Creates a file of version 1 without this project's code.
func makeVersion1(_ path: String, before: String = "", events: Int = 0) throws {
    let connection = try Connection(path, .create)
    try connection.execute(before)
    try connection.execute(version1DDL)
    try connection.execute(
        """
        INSERT INTO schema_version VALUES
          (1, '2026-11-23T10:30:45.123Z', 'Initial schema with events table');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(events))
        INSERT INTO events SELECT 'id-' || (\(events) - i), 'cluster', 'info', 'Title ' || i, NULL, 'Pod',
          'ns', 'pod-' || i, '{"n": ' || i || '}', '2026-11-23T10:30:45.123Z' FROM n WHERE \(events) > 0
        """)
}

/// A manager of the file at `path`, up to the given migrations.
func manager(
    _ path: String, _ migrations: some Sequence<Migration> = Migration.all, backsUp: Bool = false,
    log: LogRecorder = LogRecorder()
) -> SchemaManager {
    SchemaManager(
        path: path, migrations: Array(migrations), backsUp: backsUp, logger: log.logger,
        now: { testMoment })
}

/// Makes a file of the latest version.
func makeLatest(_ path: String) throws {
    _ = try manager(path).prepare { _ in }
}

/// A reader of the file at `path`.
func makeReader(_ path: String, log: LogRecorder = LogRecorder()) throws -> SQLiteReader {
    try SQLiteReader(path: path, logger: log.logger)
}

/// All rows of `sql`, columns joined by `|`, NULL as `NULL`.
func rows(_ path: String, _ sql: String, mode: Connection.Mode = .readOnly) throws -> [String] {
    let connection = try Connection(path, mode)
    return try rows(connection, sql)
}

func rows(_ connection: Connection, _ sql: String) throws -> [String] {
    let statement = try connection.prepare(sql)
    var rows: [String] = []
    while try statement.step() {
        let columns = (0..<statement.columnCount).map { statement.text($0) ?? "NULL" }
        rows.append(columns.joined(separator: "|"))
    }
    return rows
}

/// A folder with a repository over a file in it. It is closed at the end.
final class TestStore: Sendable {
    let folder: TemporaryFolder
    let path: String
    let log = LogRecorder()
    let repository: SQLiteRepository
    private let clock: Clock

    private final class Clock: Sendable {
        let time = Mutex(testMoment)
    }

    /// Sets the clock.
    func jump(to time: Timestamp) { clock.time.withLock { $0 = time } }

    /// Opens a store over a new file, or over the file that `make` creates.
    init(
        make: (String) throws -> Void = { _ in },
        configure: (inout StoreConfiguration) -> Void = { _ in }, at time: Timestamp = testMoment,
        tellOfCommits: @escaping @Sendable () -> Void = {}
    ) throws {
        clock = Clock()
        clock.time.withLock { $0 = time }
        folder = try TemporaryFolder()
        path = folder.file("events.db")
        try make(path)
        var configuration = StoreConfiguration(path: path)
        configuration.backsUpBeforeMigration = false
        configuration.retention.ages = [:]
        configure(&configuration)
        repository = SQLiteRepository(
            configuration, logger: log.logger,
            now: { [clock] in clock.time.withLock { $0 } })
        repository.commits.subscribe(tellOfCommits)
        try repository.open()
    }

    /// Runs `sql` on the connection that writes, on its thread.
    func onWriter(_ sql: String) async throws {
        guard let writer = repository.writer else { preconditionFailure("the store is open") }
        let done: Result<Void, SQLiteError> = await withCheckedContinuation { continuation in
            // A reply comes on the writer's thread, between two transactions.
            writer.delete([]) { _, _ in
                continuation.resume(
                    returning: Result { () throws(SQLiteError) in
                        try writer.connection.execute(sql)
                    })
            }
        }
        try done.get()
    }

    deinit { repository.close() }
}
