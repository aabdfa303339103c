public import EventStore
public import Events
import SQLite

/// Reading in the order of seq, for live streams.
extension SQLiteReader {
    /// Returns the seqs around `position` at this moment, for a stream with `filter`.
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
                // NULL reads as 0, which is no event's seq.
                let number = EventTable.clampedSeq(statement.integer(column))
                return number == 0 ? nil : number
            }
            return StreamRange(
                last: number(0) ?? 0, oldest: number(1), next: number(2), removed: number(3) ?? 0)
        }
    }

    /// Lends the events in `range` that match `filter`, in order. Ends early if `body` returns
    /// false, and after an event when `budget` is used up. At least one event is examined, however
    /// long that takes.
    ///
    /// - Returns: the seq of the event that it ended after because of the budget; nil if the budget
    ///   sufficed.
    /// - Throws: `timeLimit` if SQLite alone takes longer than `budget`.
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
