/// How many rows or pages fit into a slice, learned from the time that the last ones took.
struct SliceSize {
    private(set) var count: Int
    private let range: ClosedRange<Int>
    private let target: Duration

    init(_ range: ClosedRange<Int>, first: Int, target: Duration = WriterJobs.sliceTarget) {
        self.range = range
        self.target = target
        count = min(max(first, range.lowerBound), range.upperBound)
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
