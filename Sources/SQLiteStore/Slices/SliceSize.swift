import Events

/// The number of rows or pages that fit in a slice, learned from the times of earlier slices.
struct SliceSize {
    private(set) var count: Int
    private let range: ClosedRange<Int>
    private let target: Duration

    init(_ range: ClosedRange<Int>, first: Int, target: Duration = SliceTime.usual) {
        self.range = range
        self.target = target
        count = min(max(first, range.lowerBound), range.upperBound)
    }

    /// Creates a size for events that are added to the search index or removed from it, at most
    /// `most`. Each slice is a sync and a segment of the index, and very small ones pile up until
    /// SQLite merges thousands of them at once. Half of the time is the fixed cost of a slice, so
    /// it may take twice as long as others.
    init(indexedEvents most: Int, first: Int = fewestIndexedEvents) {
        let most = max(1, most)
        self.init(
            min(Self.fewestIndexedEvents, most)...most, first: first,
            target: SliceTime.usual * 2)
    }

    private static let fewestIndexedEvents = 128

    /// The size of a slice that must keep up with arriving events.
    var longest: Int { Int(Double(count) * (SliceTime.longest / target)) }

    /// Learns that a slice of `taken` took this long.
    mutating func note(_ time: Duration, of taken: Int) {
        note(time * Double(count) / Double(max(1, taken)))
    }

    /// Learns that a slice of the full count took this long: halves the count if that was over the
    /// target, and adds a quarter if it was well below.
    mutating func note(_ time: Duration) {
        if time > target {
            count = max(range.lowerBound, count / 2)
        } else if time < target / 2 {
            count = min(range.upperBound, count + count / 4 + 1)
        }
    }
}

/// The cost of slices of work on events. A unit is about the time to add a token to the search
/// index or remove it, up to 1 us; reading or copying 64 bytes is one too.
///
/// A typical event with its document weighs about 60, the heaviest 15,000.
enum SliceWeight {
    /// The most that a slice that deletes events may weigh, except for its last event.
    static let mostDeleted = 16_384
    private static let bytes = 64

    static func of(bytes count: Int) -> Int { count / bytes }

    /// The weight of an event's row, without its document.
    static func of(_ event: EventView) -> Int { 1 + of(bytes: event.byteCount) }
}
