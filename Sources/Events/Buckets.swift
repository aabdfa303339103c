/// A range of time in buckets of one length, which begin at multiples of it since 1970; what lies
/// outside the range belongs to none, though the first and the last bucket may reach beyond it.
public struct Buckets: Equatable, Sendable {
    /// The first moment that is counted.
    public let since: Timestamp
    /// The first moment behind those that are counted.
    public let until: Timestamp
    /// Their length.
    public let interval: BucketInterval
    /// How many there are.
    public let count: Int

    /// The most there may be: a day in minutes, wherever it begins.
    public static let maxCount = 1441

    /// Cuts the range into buckets.
    ///
    /// - Parameter interval: nil is one that gives about 60 of them.
    /// - Throws: when there would be too many.
    public init(
        since: Timestamp, until: Timestamp, interval: BucketInterval?
    ) throws(QueryError) {
        let span = until.milliseconds - since.milliseconds
        let interval = interval ?? BucketInterval(spanning: span)
        self.since = since
        self.until = until
        self.interval = interval
        guard span > 0 else {
            count = 0
            return
        }
        let last = Self.index(of: until.milliseconds - 1, interval)
        let needed = last - Self.index(of: since.milliseconds, interval) + 1
        guard needed <= Self.maxCount else {
            throw QueryError(
                parameter: "interval",
                detail:
                    "of \(interval.name) cuts \(since.text) to \(until.text) into \(needed) buckets, and \(Self.maxCount) is the most: take a longer one or none, or narrow the range with since and until"
            )
        }
        count = Int(needed)
    }

    private static func index(of milliseconds: Int64, _ interval: BucketInterval) -> Int64 {
        let length = interval.seconds * 1000
        return milliseconds / length - (milliseconds % length < 0 ? 1 : 0)
    }

    /// When a bucket begins, which for the first one may lie before the range.
    public func start(_ index: Int) -> Timestamp {
        let place = Self.index(of: since.milliseconds, interval) + Int64(index)
        // The first bucket of year 0 would begin before it.
        return Timestamp(milliseconds: place * interval.seconds * 1000) ?? since
    }

    /// What is counted in one bucket, as `created_at` is stored: from a time on, and before another.
    public func bounds(_ index: Int) -> (since: String, until: String) {
        (
            (index == 0 ? since : start(index)).text,
            (index + 1 == count ? until : start(index + 1)).text
        )
    }
}
