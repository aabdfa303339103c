import System

/// A histogram of values.
public struct Distribution: Equatable, Sendable {
    /// Upper bounds of `counts`, inclusive; the last count has none.
    public let bounds: [Int]
    /// The number of values up to each bound and above the one before it.
    public private(set) var counts: [Int]
    /// The sum of all values.
    public private(set) var sum = 0

    package init(bounds: [Int]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    /// Bounds for times in nanoseconds, from the fastest disk to one that hangs.
    package static let times = Distribution(
        bounds: [
            .microseconds(100), .microseconds(250), .microseconds(500), .milliseconds(1),
            .microseconds(2500), .milliseconds(5), .milliseconds(10), .milliseconds(25),
            .milliseconds(50), .milliseconds(100), .milliseconds(250), .seconds(1), .seconds(10),
        ].map { (bound: Duration) in Int(bound.inNanoseconds) })

    /// Bounds for the number of events in a commit.
    package static let sizes = Distribution(bounds: [0, 1, 4, 16, 64, 256, 1024, 4096])

    package mutating func note(_ value: Int) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}
