/// A time range in buckets of one length. They begin at multiples of it since 1970, so the first
/// and the last may reach beyond the range; times outside the range belong to none.
public struct Buckets: Equatable, Sendable {
    /// The first moment in the range.
    public let since: Timestamp
    /// The first moment after the range.
    public let until: Timestamp
    /// The length of each bucket.
    public let interval: BucketInterval
    /// The number of buckets.
    public let count: Int

    /// The most buckets: a day in minutes, wherever it begins.
    public static let maxCount = 1441

    /// Cuts the range into buckets.
    ///
    /// - Parameter interval: nil chooses one that gives about 60 of them.
    /// - Throws: if there would be too many.
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
                    "of \(interval.name) cuts \(since.text) to \(until.text) into \(needed) buckets, but \(Self.maxCount) is the limit: use a longer one or none, or narrow the range with since and until"
            )
        }
        count = Int(needed)
    }

    private static func index(of milliseconds: Int64, _ interval: BucketInterval) -> Int64 {
        let length = interval.seconds * 1000
        return milliseconds / length - (milliseconds % length < 0 ? 1 : 0)
    }

    /// The start of a bucket. The first may start before the range.
    public func start(_ index: Int) -> Timestamp {
        let place = Self.index(of: since.milliseconds, interval) + Int64(index)
        // The first bucket of year 0 would begin before year 0.
        return Timestamp(milliseconds: place * interval.seconds * 1000) ?? since
    }

    /// The times counted in one bucket, as `created_at` is stored: from `since` and before `until`.
    public func bounds(_ index: Int) -> (since: String, until: String) {
        (
            (index == 0 ? since : start(index)).text,
            (index + 1 == count ? until : start(index + 1)).text
        )
    }
}
