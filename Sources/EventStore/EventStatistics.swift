import Events

/// Counts of events over time, and by the values of fields.
public struct EventStatistics: Equatable, Sendable {
    /// A value, which may be null, and how many events have it.
    public struct Count: Equatable, Sendable {
        /// Of the field.
        public let value: String?
        /// In the whole range.
        public let count: Int
    }

    /// The buckets of the range.
    public let buckets: Buckets
    /// The number of events in each bucket, or of the occurrences that they report.
    public package(set) var events: [Int]
    /// For each field asked for, its most frequent values: most frequent first, then by value.
    public package(set) var totals: [(field: StatisticsField, counts: [Count])] = []
    /// Of the first of these fields, how many events of each value there are in each bucket.
    public package(set) var series: [[Int]] = []

    /// The most values of a field that are returned.
    public static let maxValues = 20

    package init(_ buckets: Buckets) {
        self.buckets = buckets
        events = Array(repeating: 0, count: buckets.count)
    }

    /// Two are equal when all they count is.
    public static func == (left: EventStatistics, right: EventStatistics) -> Bool {
        left.buckets == right.buckets && left.events == right.events
            && left.series == right.series
            && left.totals.elementsEqual(right.totals) { $0 == $1 }
    }
}

extension [EventStatistics.Count] {
    /// Puts a value in its place, if it is among the most frequent so far.
    package mutating func insert(_ value: String?, _ count: Int) {
        guard count > 0 else { return }
        let place =
            firstIndex { other in
                other.count < count
                    || (other.count == count && Self.precedes(value, other.value))
            } ?? endIndex
        guard place < EventStatistics.maxValues else { return }
        insert(EventStatistics.Count(value: value, count: count), at: place)
        if self.count > EventStatistics.maxValues { removeLast() }
    }

    /// Null comes first, and texts by their bytes: what no locale changes.
    private static func precedes(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return left == nil && right != nil }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
