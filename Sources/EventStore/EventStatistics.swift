public import Events

/// Counts of events over time and by the values of fields.
public struct EventStatistics: Equatable, Sendable {
    /// A value, possibly null, and the number of events that have it.
    public struct Count: Equatable, Sendable {
        /// The field's value.
        public let value: String?
        /// The count over the whole range.
        public let count: Int
    }

    /// The buckets of the range.
    public let buckets: Buckets
    /// The number of events in each bucket, or of the occurrences that they report.
    public package(set) var events: [Int]
    /// The most frequent values of each requested field, by count and then by value.
    public package(set) var totals: [(field: StatisticsField, counts: [Count])] = []
    /// For the first of these fields, the number of events of each value in each bucket.
    public package(set) var series: [[Int]] = []

    /// The most values of a field that are returned.
    public static let maxValues = 20

    package init(_ buckets: Buckets) {
        self.buckets = buckets
        events = Array(repeating: 0, count: buckets.count)
    }

    /// Compares everything that is counted.
    public static func == (left: EventStatistics, right: EventStatistics) -> Bool {
        left.buckets == right.buckets && left.events == right.events
            && left.series == right.series
            && left.totals.elementsEqual(right.totals) { $0 == $1 }
    }
}

extension [EventStatistics.Count] {
    /// Inserts a value in order if it is among the most frequent so far.
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

    /// Orders null first, and then texts by their bytes, which no locale changes.
    private static func precedes(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return left == nil && right != nil }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
