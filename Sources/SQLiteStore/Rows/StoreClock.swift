import CLinux
import Events

/// The store's own clock: it says when an event was received. It never goes back behind the last row,
/// and stands still while the system's clock is behind it. It is at most 60 times as fast as the
/// monotonic clock: a system clock that jumps ahead by years moves it by an hour a minute, until
/// somebody notices. Ages are counted from it, so that no clock that jumps removes the history.
///
/// For the writer's thread alone.
final class StoreClock {
    private static let fastest: Int64 = 60
    private static let nanosecondsPerMillisecond: Int64 = 1_000_000

    private let wall: () -> Timestamp
    private let monotonic: () -> UInt64
    private var time: Int64
    private var setAt: UInt64
    /// Milliseconds that it was behind the system's clock when it was last asked; negative where it is
    /// ahead.
    private(set) var lag: Int64 = 0

    /// - Parameters:
    ///   - last: milliseconds that the clock had reached by the file's last row; nil in a new file.
    ///   - wall: the system's clock.
    ///   - monotonic: nanoseconds of a clock that nobody sets.
    init(
        last: Int64?, wall: @escaping () -> Timestamp,
        monotonic: @escaping () -> UInt64 = clinux_monotonic_nanoseconds
    ) {
        self.wall = wall
        self.monotonic = monotonic
        time = last ?? wall().milliseconds
        setAt = monotonic()
    }

    /// Milliseconds since 1970, by this clock.
    func now() -> Int64 {
        let wall = wall().milliseconds
        let monotonic = monotonic()
        defer { lag = wall - time }
        guard wall > time else {
            setAt = monotonic
            return time
        }
        let elapsed = Int64(min(monotonic - setAt, 1 << 53))
        let step = min(wall - time, Self.fastest * elapsed / Self.nanosecondsPerMillisecond)
        // Else many short steps would come to none.
        if step > 0 {
            time += step
            setAt = monotonic
        }
        return time
    }
}
