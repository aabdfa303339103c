import CLinux
import EventStore
import Events
import PostgreSQL
import System

/// Reading in the order of seq, for live streams.
extension PostgreSQLReader {
    /// The seqs that one statement goes through, between two looks at the clock.
    private static let seqsAtOnce: Int64 = 4096

    func streamRange(
        after position: Int64, for filter: StreamFilter
    ) throws(StoreError) -> StreamRange {
        let severities = Severity.allCases.filter { severity in
            filter.conditions[.severity]?.admits(severity.rawValue) ?? true
        }
        let statement = PostgreSQLStatement(
            """
            SELECT (SELECT greatest(floor_seq, (SELECT max(seq) FROM events)) FROM store_state),
              (SELECT min(seq) FROM events), (SELECT min(seq) FROM events WHERE seq > $1),
              (SELECT max(removed_seq) FROM retention WHERE severity = ANY ($2))
            """, [.integer(position), .texts(severities.map { Array($0.rawValue.utf8) })])
        return try reading { () throws(PostgreSQLError) in
            var range = StreamRange(last: 0, oldest: nil, next: nil, removed: 0)
            try run(statement) { row in
                range = StreamRange(
                    last: row.integer(0), oldest: row.isNull(1) ? nil : row.integer(1),
                    next: row.isNull(2) ? nil : row.integer(2),
                    removed: row.isNull(3) ? 0 : row.integer(3))
                return false
            }
            return range
        }
    }

    @discardableResult
    func follow(
        _ filter: StreamFilter, _ range: ClosedRange<Int64>, budget: Duration,
        _ body: (EventView) -> Bool
    ) throws(StoreError) -> Int64? {
        let end = clinux_monotonic_nanoseconds() + budget.inNanoseconds
        let matcher = EventMatcher(filter.conditions)
        guard !filter.conditions.excludesAll else { return nil }
        // Everything comes by seq, so an index on words would be of no use.
        let rows = RowConditions(filter.conditions, withWords: false)
        return try within(budget) { () throws(PostgreSQLError) in
            var first = range.lowerBound
            while true {
                let last = min(range.upperBound, first + Self.seqsAtOnce - 1)
                var window = rows
                let (from, to) = (window.bind(.integer(first)), window.bind(.integer(last)))
                window.add("seq BETWEEN \(from) AND \(to)")
                var isOver = false
                var passed: Int64?
                try run(
                    PostgreSQLStatement(
                        "SELECT \(EventRow.columns) FROM events WHERE \(window.sql) ORDER BY seq",
                        window.values)
                ) { row in
                    EventRow.withView(row) { event in
                        if matcher?.admits(event) ?? true, !body(event) { isOver = true }
                        if !isOver, clinux_monotonic_nanoseconds() > end { passed = event.seq }
                    }
                    return !isOver && passed == nil
                }
                if isOver { return nil }
                if let passed { return passed < range.upperBound ? passed : nil }
                guard last < range.upperBound else { return nil }
                if clinux_monotonic_nanoseconds() > end { return last }
                first = last + 1
            }
        }
    }
}
