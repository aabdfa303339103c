import Events
import Glibc

/// Counts the values of one field, and how many events have each in each bucket, as long as there are
/// few.
struct ValueTally {
    /// The most values that are told apart: what they take of memory.
    static let maxValues = 150_000
    /// The most counts of a value in a bucket that are kept: 4 MiB.
    static let maxCells = 512 * 1024

    private var places: [Value: Int] = [:]
    private var nullPlace: Int?
    private var values: [[UInt8]?] = []
    private var counts: [Int] = []
    private let buckets: Int
    private var seriesOf: [[Int]] = []
    /// That of the event before, which is the next one's more often than not.
    private var lastPlace = 0

    /// Counts in as many buckets; 0 leaves them out.
    init(buckets: Int) { self.buckets = buckets }

    /// Hashed all at once; an array is byte by byte.
    private struct Value: Hashable {
        let bytes: [UInt8]

        func hash(into hasher: inout Hasher) {
            bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
    }

    /// Whether `series` knows about all values.
    var keepsSeries: Bool { buckets > 0 && values.count * buckets <= Self.maxCells }

    /// Counts an event; false when there are too many values.
    mutating func add(_ value: UnsafeRawBufferPointer?, _ bucket: Int) -> Bool {
        if lastPlace == values.count || !Self.isSame(values[lastPlace], value) {
            guard let place = place(of: value) else { return false }
            lastPlace = place
        }
        counts[lastPlace] += 1
        if keepsSeries { seriesOf[lastPlace][bucket] += 1 }
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
        let bytes = value.map(Array.init)
        if let place = bytes.map({ places[Value(bytes: $0)] }) ?? nullPlace { return place }
        guard values.count < Self.maxValues else { return nil }
        let place = values.count
        if let bytes { places[Value(bytes: bytes)] = place } else { nullPlace = place }
        values.append(bytes)
        counts.append(0)
        if keepsSeries {
            seriesOf.append(Array(repeating: 0, count: buckets))
        } else {
            seriesOf = []
        }
        return place
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
        let place = value.map { places[Value(bytes: Array($0.utf8))] } ?? nullPlace
        return place.map { seriesOf[$0] } ?? Array(repeating: 0, count: buckets)
    }
}
