import Events
import SQLite

/// The statements that change events, on the writer's connection and within its transactions.
final class EventStatements {
    private let connection: Connection
    private let insert, find, delete, deleteFirst, deleteExpired: Statement

    init(_ connection: Connection) throws(SQLiteError) {
        self.connection = connection
        let fields = EventField.allCases.map { String(describing: $0.name) }.joined(separator: ", ")
        insert = try connection.prepare(
            "INSERT INTO events (\(fields)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        )
        find = try connection.prepare("SELECT \(EventTable.columns) FROM events WHERE id = ?")
        delete = try connection.prepare("DELETE FROM events WHERE id = ?")
        deleteFirst = try connection.prepare(
            "DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT ?)")
        deleteExpired = try connection.prepare(
            """
            DELETE FROM events WHERE seq IN (
              SELECT seq FROM events WHERE severity = ? AND created_at < ? ORDER BY created_at LIMIT ?)
            """)
    }

    /// Stores an event, unless its id is taken.
    func append(_ event: Event) throws(SQLiteError) -> AppendOutcome {
        try event.withView { view throws(SQLiteError) in
            for field in EventField.allCases {
                try insert.bind(Int32(field.rawValue + 1), borrowing: view[field])
            }
            try insert.run()
            guard connection.changes == 0 else { return .stored(seq: connection.lastInsertRowID) }
            try find.bind(1, borrowing: view[.id])
            defer { find.reset() }
            guard try find.step() else {
                throw SQLiteError(
                    extendedCode: SQLiteError.corrupt, message: "an id conflicts and is not there")
            }
            let stored = EventTable.view(find)
            return event.isReplay(of: stored)
                ? .duplicate(Event(stored), seq: stored.seq) : .conflict
        }
    }

    /// Deletes the event with this id; false when there was none.
    func delete(id: [UInt8]) throws(SQLiteError) -> Bool {
        try id.span.withUnsafeBytes { bytes throws(SQLiteError) in
            try delete.bind(1, borrowing: bytes)
            try delete.run()
        }
        return connection.changes > 0
    }

    /// Deletes the events that came first, whatever their time: up to `limit` of them.
    func deleteFirst(_ limit: Int) throws(SQLiteError) -> Int {
        try deleteFirst.bind(1, Int64(limit))
        try deleteFirst.run()
        return connection.changes
    }

    /// Deletes events of one severity with an earlier time, oldest first: up to `limit` of them.
    func deleteExpired(
        _ severity: Severity, before time: String, _ limit: Int
    ) throws(SQLiteError) -> Int {
        try deleteExpired.bind(1, severity.rawValue)
        try deleteExpired.bind(2, time)
        try deleteExpired.bind(3, Int64(limit))
        try deleteExpired.run()
        return connection.changes
    }
}
