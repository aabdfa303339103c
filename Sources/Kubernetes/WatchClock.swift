import CLinux
public import Events
import HTTPClient

/// The time, and waiting.
public struct WatchClock: Sendable {
    /// The system's clock.
    public var wall: @Sendable () -> Timestamp
    /// The time since some moment, by a clock that cannot be set.
    var monotonic: @Sendable () -> Duration
    /// Waits for a time, or until it is canceled.
    var pause: @Sendable (Duration, Cancellation) -> Void

    /// The real clocks.
    ///
    /// - Parameter wall: the system's clock.
    public init(wall: @escaping @Sendable () -> Timestamp) {
        self.wall = wall
        monotonic = { .nanoseconds(Int64(clamping: clinux_monotonic_nanoseconds())) }
        pause = { time, cancellation in cancellation.wait(for: time) }
    }
}

/// Waits that grow from error to error, with client-go's numbers. Chance keeps all clients from
/// asking a server that comes back at the same time.
struct Backoff {
    private var errors = 0
    private var lastError: Duration?

    static let shortest = Duration.milliseconds(800)
    static let longest = Duration.seconds(30)
    /// After this time without an error, waits begin at the shortest again.
    static let resetTime = Duration.seconds(120)

    /// Returns the wait after an error at `now`: a random time from x to 2x, where x doubles each
    /// time.
    mutating func next(at now: Duration) -> Duration {
        if let lastError, now - lastError > Self.resetTime { errors = 0 }
        lastError = now
        // 0.8 s times 2^6 is more than the longest.
        let wait = min(Self.shortest * (1 << min(errors, 6)), Self.longest)
        errors += 1
        return wait * (1 + Double.random(in: 0...1))
    }
}
