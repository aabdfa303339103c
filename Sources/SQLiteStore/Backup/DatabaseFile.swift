public import EventStore
public import Events
import Glibc
public import Logging
import SQLite

/// A database file opened only for reading, with or without a server that writes it. Nothing is
/// created beside it, because another user's file there would keep the server from opening it.
public final class DatabaseFile {
    /// The schema version; 0 for an imported file.
    public let version: Int
    private let path: String
    private let connection: Connection
    private let logger: Logger
    private let lock: SharedDatabaseLock

    /// Opens the file at `path`.
    ///
    /// - Parameter importing: accepts any SQLite file whose `events` table has the columns of
    ///   version 1.
    /// - Throws: `refused` if it is not a Logbook database of this version or an older one.
    public init(_ path: String, importing: Bool = false, logger: Logger) throws(SchemaError) {
        let path = Folder.resolve(path)
        self.path = path
        self.logger = logger
        try Self.require(path)
        lock = SharedDatabaseLock(database: path)
        let manager = SchemaManager(lookingAt: path, logger: logger)
        do {
            if importing {
                try manager.inspectForImport()
                version = 0
            } else {
                version = try manager.inspect()
                guard version > 0 else { throw SchemaError.refused("\(path) holds no database") }
            }
            connection = try manager.openForReading(lock)
        } catch let error as SQLiteError {
            throw SchemaError(inspecting: path, error)
        } catch let error as SchemaError {
            throw error
        } catch {
            preconditionFailure("SchemaError and SQLiteError are all that is thrown here: \(error)")
        }
    }

    /// Refuses a missing file.
    static func require(_ path: String) throws(SchemaError) {
        guard access(path, F_OK) != 0 else { return }
        throw .refused("Cannot open \(path): \(Folder.reason(of: path))")
    }

    /// Makes a reader of its events.
    ///
    /// - Throws: `refused` if the schema is older.
    public func makeReader() throws(SchemaError) -> SQLiteReader {
        guard version == Migration.latest else {
            throw .refused(
                "\(path) has schema version \(version), and this program reads \(Migration.latest). Migrate it "
                    + "(logbook schema migrate --database \(path)), or import it into a server (logbook events import)."
            )
        }
        return try reading { () throws(SQLiteError) in
            try SQLiteReader(connection, logger: logger)
        }
    }

    /// The migrations to the latest version, in order.
    public var pendingMigrations: [(version: Int, description: String)] {
        Migration.all.dropFirst(version).map { ($0.version, $0.description) }
    }

    /// Bytes of the file and of its WAL.
    public var sizes: (database: Int64, wal: Int64) { StoreSizes.files(path) }

    /// Describes the schema.
    public func describeSchema() throws(SchemaError) -> SchemaDescription {
        try reading { () throws(SQLiteError) in try SchemaDescription(connection) }
    }

    /// Counts the events.
    public func countEvents() throws(SchemaError) -> Int {
        try reading { () throws(SQLiteError) in
            Int(try connection.integer("SELECT count(*) FROM events") ?? 0)
        }
    }

    /// True if its events record when they were received.
    public func hasReceivedTimes() throws(SchemaError) -> Bool {
        try reading { () throws(SQLiteError) in
            try SchemaManager.columns(of: "events", connection)
                .contains("\(EventField.receivedAt.name)")
        }
    }

    /// Lends up to `limit` events of any program's file, in the order of their arrival, from after
    /// row `position`; from the first one if that is nil.
    ///
    /// - Parameter body: gets the row number and the event. Its metadata is made a JSON object as
    ///   in the migration, and an invalid id or time is nil.
    /// - Returns: the last row; nil if there was none.
    public func rows(
        after position: Int64?, limit: Int, _ body: (Int64, EventView) -> Void
    ) throws(SchemaError) -> Int64? {
        guard position != .max else { return nil }
        return try reading { () throws(SQLiteError) in
            let own = try SchemaManager.columns(of: "events", connection, stored: true)
            let fields = EventField.allCases.map { field in
                switch field {
                case .seq: "rowid"
                case _ where own.contains("\(field.name)"): "\(field.name)"
                case .occurrences: "1"
                default: "NULL"
                }
            }
            let statement = try connection.prepare(
                """
                SELECT \(fields.joined(separator: ", ")) FROM events
                WHERE rowid >= ? ORDER BY rowid LIMIT ?
                """)
            try statement.bind(1, position.map { $0 + 1 } ?? .min)
            try statement.bind(2, Int64(limit))
            var last: Int64?
            while try statement.step() {
                var view = EventTable.view(statement)
                let row = Version1Row(view)
                if row.hasOddTime { view[.createdAt] = nil }
                let texts = [row.metadata, row.createdAt, row.reason].map { $0 ?? [] }
                texts[0].withUnsafeBytes { metadata in
                    texts[1].withUnsafeBytes { createdAt in
                        texts[2].withUnsafeBytes { reason in
                            if !metadata.isEmpty { view[.metadata] = metadata }
                            if !createdAt.isEmpty { view[.createdAt] = createdAt }
                            if view[.reason] == nil, !reason.isEmpty { view[.reason] = reason }
                            body(view.seq, view)
                        }
                    }
                }
                last = view.seq
            }
            return last
        }
    }

    private func reading<Result>(
        _ body: () throws(SQLiteError) -> Result
    ) throws(SchemaError) -> Result {
        do throws(SQLiteError) { return try body() } catch {
            throw .failed("\(path) cannot be read: \(error)")
        }
    }
}
