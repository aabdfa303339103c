import Events
import SQLite

/// Checks every event for values that Logbook never writes. Such a row affects only itself: it is
/// left out of answers if it is not an event, and repaired in answers if it is.
struct EventCheck {
    private struct Fault {
        var count = 0
        let firstSeq: Int64
    }

    private var faults: [String: Fault] = [:]

    /// The errors, one line for each kind; empty if there are none.
    static func findings(_ connection: Connection) throws(SQLiteError) -> [String] {
        var check = EventCheck()
        let rows = try connection.prepare("SELECT \(EventTable.columns) FROM events ORDER BY seq")
        while try rows.step() {
            for field in EventField.allCases {
                guard let problem = problem(field, rows) else { continue }
                let seq = rows.integer(Int32(EventField.seq.rawValue))
                check.faults["\(field.name) \(problem)", default: Fault(firstSeq: seq)].count += 1
            }
        }
        return check.faults.sorted { $0.key < $1.key }.map { kind, fault in
            "\(fault.count) events whose \(kind); the first has the seq \(fault.firstSeq)"
        }
    }

    private static func problem(_ field: EventField, _ row: Statement) -> String? {
        let column = Int32(field.rawValue)
        let stored = row.storageClass(column)
        switch (field, stored) {
        case (_, .null):
            return EventTable.nullable.contains(field) ? nil : "is NULL"
        case (.seq, .integer): return within(EventTable.seqs, row.integer(column))
        case (.occurrences, .integer): return within(0...Int64(Int32.max), row.integer(column))
        case (.receivedAt, .integer): return within(StoredState.times, row.integer(column))
        case (.foldKey, .integer): return nil
        case (.seq, _), (.occurrences, _), (.receivedAt, _), (.foldKey, _):
            return "is not an integer"
        case (.createdAt, .text):
            let time = row.bytes(column).flatMap { Timestamp(stored: $0) }
            return time.map(Timestamp.storable.contains) ?? false
                ? nil : "is not a time in the years 1970 to 2099"
        case (.metadata, .text):
            return row.bytes(column).flatMap(StorableMetadata.init(repairing:)) == nil
                ? nil : "is not a JSON object on one line"
        case (_, .text): return nil
        default: return "is not text"
        }
    }

    private static func within(_ range: ClosedRange<Int64>, _ number: Int64) -> String? {
        range.contains(number) ? nil : "is not from \(range.lowerBound) to \(range.upperBound)"
    }
}
