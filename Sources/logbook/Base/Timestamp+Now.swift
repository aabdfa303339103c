import CLinux
import Events

extension Timestamp {
    /// The time of the system's clock.
    @Sendable static func now() -> Timestamp {
        guard let now = Timestamp(milliseconds: clinux_realtime_milliseconds()) else {
            preconditionFailure("the system clock is outside of the years 0000 to 9999")
        }
        return now
    }
}
