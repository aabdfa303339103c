import Glibc

/// Counts the values of one field and the events with each in each bucket, as long as there are few
/// values.
package struct ValueTally {
    /// The most distinct values.
    package static let maxValues = 150_000
    /// The overhead of a value: an array, and entries in three tables.
    private static let valueBytes = 128
    /// The most counts of a value in a bucket that are kept: 4 MiB.
    package static let maxCells = 512 * 1024

    /// The index of each value by its hash, or by the next number that was free.
    private var places: [Int: Int] = [:]
    private var values: [[UInt8]?] = []
    private var counts: [Int] = []
    private let buckets: Int
    private let memory: TallyMemory
    private var seriesOf: [[Int]] = []
    /// The index of the previous event's value, which the next event usually shares.
    private var lastPlace = 0

    /// Counts in `buckets` buckets; 0 leaves them out.
    ///
    /// - Parameter memory: the memory that all tallies share.
    package init(buckets: Int, memory: TallyMemory) {
        self.buckets = buckets
        self.memory = memory
    }

    /// True if `series` knows all values.
    package var keepsSeries: Bool { buckets > 0 && values.count * buckets <= Self.maxCells }

    /// Counts an event `weight` times; false if there are too many values.
    package mutating func add(_ value: UnsafeRawBufferPointer?, _ bucket: Int, _ weight: Int)
        -> Bool
    {
        if lastPlace == values.count || !Self.isSame(values[lastPlace], value) {
            guard let place = place(of: value) else { return false }
            lastPlace = place
        }
        counts[lastPlace] += weight
        if keepsSeries { seriesOf[lastPlace][bucket] += weight }
        return true
    }

    private static func isSame(_ known: [UInt8]?, _ value: UnsafeRawBufferPointer?) -> Bool {
        guard let known, let value else { return known == nil && value == nil }
        guard known.count == value.count, !known.isEmpty else {
            return value.isEmpty && known.isEmpty
        }
        return known.withUnsafeBytes { memcmp($0.baseAddress!, value.baseAddress!, $0.count) == 0 }
    }

    private mutating func place(of value: UnsafeRawBufferPointer?) -> Int? {
        let (known, free) = look(for: value)
        if let known { return known }
        guard values.count < Self.maxValues,
            memory.take(Self.valueBytes + (value?.count ?? 0) + (keepsSeries ? buckets * 8 : 0))
        else { return nil }
        let place = values.count
        places[free] = place
        values.append(value.map(Array.init))
        counts.append(0)
        if keepsSeries {
            seriesOf.append(Array(repeating: 0, count: buckets))
        } else {
            seriesOf = []
        }
        return place
    }

    /// The index of a value; if there is none, the free key for it in `places`.
    private func look(for value: UnsafeRawBufferPointer?) -> (place: Int?, free: Int) {
        var hasher = Hasher()
        if let value { hasher.combine(bytes: value) }
        var number = hasher.finalize()
        while let place = places[number] {
            if Self.isSame(values[place], value) { return (place, number) }
            number &+= 1
        }
        return (nil, number)
    }

    /// The most frequent values.
    package var mostFrequent: [EventStatistics.Count] {
        var counts: [EventStatistics.Count] = []
        for (value, count) in zip(values, self.counts) {
            // Most of many values are not worth converting to text.
            if counts.count == EventStatistics.maxValues, count < counts.last!.count { continue }
            counts.insert(value.map { String(decoding: $0, as: UTF8.self) }, count)
        }
        return counts
    }

    /// The number of events with `value` in each bucket.
    package func series(of value: String?) -> [Int] {
        let place =
            if let value {
                Array(value.utf8).withUnsafeBytes { look(for: $0).place }
            } else {
                look(for: nil).place
            }
        return place.map { seriesOf[$0] } ?? Array(repeating: 0, count: buckets)
    }
}
