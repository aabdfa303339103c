/// The length of a bucket of `/events/stats`.
public struct BucketInterval: Equatable, Sendable {
    /// Seconds, at least one.
    public let seconds: Int64

    /// The lengths below a day that may be requested or chosen automatically. Longer ones are whole
    /// days.
    private static let withinDay: [Int64] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    ]
    private static let day: Int64 = 86_400
    /// More than 60 buckets over all times that a query can name.
    private static let mostDays: Int64 = 99_999
    private static let wantedBuckets: Int64 = 60
    /// The most buckets for which the next longer interval would be too coarse.
    private static let toleratedBuckets: Int64 = 80

    private init(seconds: Int64) { self.seconds = seconds }

    /// Parses the name of an interval.
    public init?(_ name: String) {
        let days = min(max(Int64(name.dropLast()) ?? 1, 1), Self.mostDays)
        let known = Self.withinDay + [days * Self.day]
        guard let seconds = known.first(where: { Self(seconds: $0).name == name }) else {
            return nil
        }
        self.seconds = seconds
    }

    /// The valid intervals, in words.
    static let choices =
        withinDay.map { Self(seconds: $0).name }.joined(separator: ", ")
        + ", or whole days such as 1d and 7d"

    /// Chooses an interval that cuts `milliseconds` into about 60 buckets.
    public init(spanning milliseconds: Int64) {
        let known = Self.withinDay + [Self.day]
        let fitting = known.first { milliseconds <= $0 * 1000 * Self.toleratedBuckets }
        let days = 1 + milliseconds / (Self.day * 1000 * Self.wantedBuckets)
        seconds = fitting ?? Self.day * days
    }

    /// The number and the unit, such as `15m`.
    public var name: String {
        let units: [(Int64, Character)] = [(86_400, "d"), (3600, "h"), (60, "m")]
        for (length, unit) in units where seconds.isMultiple(of: length) {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }
}
