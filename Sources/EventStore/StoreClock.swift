import CLinux
package import Events

/// The store's own clock, which dates the receipt of events. It never goes back before the last
/// row, and stands still while the system's clock is behind it. It runs at most 60 times as fast as
/// the monotonic clock: a system clock that jumps ahead by years moves it by only an hour a minute,
/// until an operator notices. Ages are counted from it, so that no jumping clock removes the
/// history.
///
/// For one thread alone.
package final class StoreClock {
    private static let fastest: Int64 = 60
    private static let nanosecondsPerMillisecond: Int64 = 1_000_000

    private let wall: () -> Timestamp
    private let monotonic: () -> UInt64
    private var time: Int64
    private var setAt: UInt64
    /// The milliseconds that it lagged behind the system's clock when last read; negative if it is
    /// ahead.
    package private(set) var lag: Int64 = 0

    /// Creates the clock.
    ///
    /// - Parameters:
    ///   - last: the milliseconds that the clock had reached at the file's last row; nil in a new
    ///     file.
    ///   - wall: the system's clock.
    ///   - monotonic: nanoseconds of a clock that nobody sets.
    package init(
        last: Int64?, wall: @escaping () -> Timestamp,
        monotonic: @escaping () -> UInt64 = clinux_monotonic_nanoseconds
    ) {
        self.wall = wall
        self.monotonic = monotonic
        time = last ?? wall().milliseconds
        setAt = monotonic()
    }

    /// The milliseconds since 1970 by this clock.
    package func now() -> Int64 {
        let wall = wall().milliseconds
        let monotonic = monotonic()
        defer { lag = wall - time }
        guard wall > time else {
            setAt = monotonic
            return time
        }
        let elapsed = Int64(min(monotonic - setAt, 1 << 53))
        let step = min(wall - time, Self.fastest * elapsed / Self.nanosecondsPerMillisecond)
        // Otherwise many short steps would add up to nothing.
        if step > 0 {
            time += step
            setAt = monotonic
        }
        return time
    }
}
