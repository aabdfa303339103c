/// How long a bucket of `/events/stats` is.
public struct BucketInterval: Equatable, Sendable {
    /// Seconds, at least one.
    public let seconds: Int64

    /// Those that can be asked for.
    public static let offered = [60, 300, 900, 3600, 21_600, 86_400].map {
        BucketInterval(seconds: $0)
    }

    /// Those that are taken by themselves, of up to a day; whole days beyond.
    private static let automatic: [Int64] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
        86_400,
    ]
    private static let wantedBuckets: Int64 = 60
    /// As many buckets as make the next longer interval too coarse.
    private static let toleratedBuckets: Int64 = 80

    private init(seconds: Int64) { self.seconds = seconds }

    /// One of `offered`, by its name.
    public init?(_ name: String) {
        guard let interval = Self.offered.first(where: { $0.name == name }) else { return nil }
        self = interval
    }

    /// One that cuts `milliseconds` into about 60 buckets.
    public init(spanning milliseconds: Int64) {
        let fitting = Self.automatic.first { milliseconds <= $0 * 1000 * Self.toleratedBuckets }
        let days = 1 + milliseconds / (86_400_000 * Self.wantedBuckets)
        seconds = fitting ?? 86_400 * days
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
