import Events

/// The time that ages are counted from. It follows the system's clock, but forwards no faster than
/// an hour a minute: a clock that jumps ahead by years then costs an hour of the oldest events for
/// each minute until somebody notices, and not all of them at once.
struct RetentionClock {
    private static let fastest: Int64 = 60

    private var time: Timestamp
    private var setAt: UInt64

    /// - Parameter last: when the last event was stored, which tells a clock that jumped while the
    /// program did not run, too.
    init(wall: Timestamp, last: Timestamp?, monotonic: UInt64) {
        time = min(wall, last ?? wall)
        setAt = monotonic
    }

    /// The time to count ages from.
    ///
    /// - Parameters:
    ///   - wall: what the system's clock says.
    ///   - monotonic: nanoseconds of a clock that nobody sets.
    mutating func advance(wall: Timestamp, monotonic: UInt64) -> Timestamp {
        let elapsed = Int64((monotonic - setAt) / 1_000_000)
        let reachable = Timestamp(milliseconds: time.milliseconds + Self.fastest * elapsed)
        time = min(wall, reachable ?? wall)
        setAt = monotonic
        return time
    }
}
