import Events

/// How many rows or pages fit into a slice, learned from the time that the last ones took.
struct SliceSize {
    private(set) var count: Int
    private let range: ClosedRange<Int>
    private let target: Duration

    init(_ range: ClosedRange<Int>, first: Int, target: Duration = SliceTime.usual) {
        self.range = range
        self.target = target
        count = min(max(first, range.lowerBound), range.upperBound)
    }

    /// Of events that go into the search index or out of it, `most` of them at most: each slice is a sync, and a
    /// segment of the index, and very small ones pile up until SQLite puts thousands of them together at once. Half of the
    /// time are the costs of a slice of any size, so it may take double that of others.
    init(indexedEvents most: Int, first: Int = fewestIndexedEvents) {
        let most = max(1, most)
        self.init(
            min(Self.fewestIndexedEvents, most)...most, first: first,
            target: SliceTime.usual * 2)
    }

    private static let fewestIndexedEvents = 128

    /// How many a slice takes that has to keep up with what comes.
    var longest: Int { Int(Double(count) * (SliceTime.longest / target)) }

    /// Learns that a slice of `taken` took so long.
    mutating func note(_ time: Duration, of taken: Int) {
        note(time * Double(count) / Double(max(1, taken)))
    }

    /// Learns that a slice of the full count took so long: half of it next time when that was over
    /// the target, a quarter more when it was well below.
    mutating func note(_ time: Duration) {
        if time > target {
            count = max(range.lowerBound, count / 2)
        } else if time < target / 2 {
            count = min(range.upperBound, count + count / 4 + 1)
        }
    }
}

/// What slices of work on events cost, in units that each take about as long as a token that the
/// search index takes or gives up: up to 1 us. Reading or copying 64 bytes is one, too.
///
/// A usual event with its document weighs about 60, the heaviest of all 15,000.
enum SliceWeight {
    /// What a slice that deletes events may come to, the last event apart.
    static let mostDeleted = 16_384
    private static let bytes = 64

    static func of(bytes count: Int) -> Int { count / bytes }

    /// An event's row, without its document.
    static func of(_ event: EventView) -> Int { 1 + of(bytes: event.byteCount) }
}
