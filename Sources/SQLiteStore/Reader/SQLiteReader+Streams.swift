import EventStore
import Events
import SQLite

/// Reading in the order of seq, for those who follow what is stored.
extension SQLiteReader {
    /// What there is around `position`, at this moment, for those who follow with `filter`.
    public func streamRange(
        after position: Int64, for filter: StreamFilter
    ) throws(StoreError) -> StreamRange {
        try storing { () throws(SQLiteError) in
            let statement = try statement(stream(filter).rangeSQL)
            try statement.bind(1, position)
            defer { statement.reset() }
            guard try statement.step() else {
                throw SQLiteError(
                    extendedCode: SQLiteError.corrupt, message: "a SELECT without FROM has a row")
            }
            func number(_ column: Int32) -> Int64? {
                // No event has the number 0, which NULL reads as.
                let number = EventTable.clampedSeq(statement.integer(column))
                return number == 0 ? nil : number
            }
            return StreamRange(
                last: number(0) ?? 0, oldest: number(1), next: number(2), removed: number(3) ?? 0)
        }
    }

    /// Lends the events that `filter` wants of those numbered `range`, in order. Ends early when
    /// `body` returns false, and after an event when `budget` is over: one event is looked at in any
    /// case, however long that takes.
    ///
    /// - Returns: the number of the event that it ended after because of the budget; nil when that
    ///   lasted.
    /// - Throws: `timeLimit` when SQLite alone takes longer than `budget`.
    @discardableResult
    public func follow(
        _ filter: StreamFilter, _ range: ClosedRange<Int64>, budget: Duration,
        _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int64? {
        try within(budget) { () throws(SQLiteError) in
            let stream = stream(filter)
            let statement = try statement(stream.sql)
            try statement.bind(
                stream.values + [.integer(range.lowerBound), .integer(range.upperBound)])
            defer { statement.reset() }
            while try statement.step() {
                guard let event = servable(statement) else { continue }
                if stream.matcher?.admits(event) ?? true {
                    guard body(event) else { return nil }
                }
                if stream.matcher != nil, mustEnd { return event.seq }
            }
            return nil
        }
    }
}
