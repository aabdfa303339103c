import EventStore
import Events
import Glibc

/// Counts the values of one field, and how many events have each in each bucket, as long as there are
/// few.
struct ValueTally {
    /// The most values that are told apart.
    static let maxValues = 150_000
    /// What a value takes beside its bytes: an array, and places in three tables.
    private static let valueBytes = 128
    /// The most counts of a value in a bucket that are kept: 4 MiB.
    static let maxCells = 512 * 1024

    /// The place of each value by its hash, or by the next number that was free.
    private var places: [Int: Int] = [:]
    private var values: [[UInt8]?] = []
    private var counts: [Int] = []
    private let buckets: Int
    private let memory: TallyMemory
    private var seriesOf: [[Int]] = []
    /// That of the event before, which is the next one's more often than not.
    private var lastPlace = 0

    /// Counts in as many buckets; 0 leaves them out.
    ///
    /// - Parameter memory: what all tallies take together.
    init(buckets: Int, memory: TallyMemory) {
        self.buckets = buckets
        self.memory = memory
    }

    /// Whether `series` knows about all values.
    var keepsSeries: Bool { buckets > 0 && values.count * buckets <= Self.maxCells }

    /// Counts an event `weight` times; false when there are too many values.
    mutating func add(_ value: UnsafeRawBufferPointer?, _ bucket: Int, _ weight: Int) -> Bool {
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

    /// The place of a value; where there is none, the number that it can have in `places`.
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
    var mostFrequent: [EventStatistics.Count] {
        var counts: [EventStatistics.Count] = []
        for (value, count) in zip(values, self.counts) {
            // Most of many values are not worth a text.
            if counts.count == EventStatistics.maxValues, count < counts.last!.count { continue }
            counts.insert(value.map { String(decoding: $0, as: UTF8.self) }, count)
        }
        return counts
    }

    /// How many events have `value` in each bucket.
    func series(of value: String?) -> [Int] {
        let place =
            if let value {
                Array(value.utf8).withUnsafeBytes { look(for: $0).place }
            } else {
                look(for: nil).place
            }
        return place.map { seriesOf[$0] } ?? Array(repeating: 0, count: buckets)
    }
}
