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
            SELECT \(PostgreSQLSchema.headSeq),
              (SELECT min(seq) FROM events), (SELECT min(seq) FROM events WHERE seq > $1),
              (SELECT max(removed_seq) FROM retention WHERE severity = ANY ($2)), epoch, epoch_start
            FROM store_state
            """, [.integer(position), .texts(severities.map { Array($0.rawValue.utf8) })])
        return try reading { () throws(PostgreSQLError) in
            var range = StreamRange(last: 0, oldest: nil, next: nil, removed: 0)
            try run(statement) { row in
                range = StreamRange(
                    last: row.integer(0), oldest: row.isNull(1) ? nil : row.integer(1),
                    next: row.isNull(2) ? nil : row.integer(2),
                    removed: row.isNull(3) ? 0 : row.integer(3))
                range.epoch = StreamEpoch(number: row.integer(4), start: row.integer(5))
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
            var limit = rowsAtOnce()
            while true {
                let last = min(range.upperBound, first + Self.seqsAtOnce - 1)
                var window = rows
                let (from, to) = (window.bind(.integer(first)), window.bind(.integer(last)))
                window.add("seq BETWEEN \(from) AND \(to)")
                var (count, bytes) = (0, 0)
                var isOver = false
                var passed = first
                try run(
                    PostgreSQLStatement(
                        "SELECT \(EventRow.columns) FROM events WHERE \(window.sql) ORDER BY seq LIMIT \(limit)",
                        window.values)
                ) { row in
                    EventRow.withView(row) { event in
                        count += 1
                        bytes += event.byteCount
                        passed = event.seq
                        if matcher?.admits(event) ?? true { isOver = !body(event) }
                    }
                    return !isOver && clinux_monotonic_nanoseconds() < end
                }
                note(rows: count, bytes: bytes)
                if isOver { return nil }
                // A window without a full statement has been gone through, unless time was up.
                let isLate = clinux_monotonic_nanoseconds() >= end
                if count < limit, !isLate || count == 0 { passed = last }
                guard passed < range.upperBound else { return nil }
                if isLate { return passed }
                first = passed + 1
                limit = rowsAtOnce(after: limit)
            }
        }
    }
}
