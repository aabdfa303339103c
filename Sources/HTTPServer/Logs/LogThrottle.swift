/// Holds a log to so many lines a second; further ones are counted.
struct LogThrottle {
    private var secondEnd: UInt64 = 0
    private var inSecond = 0
    private var omitted = 0

    /// Admits a line at the time `now`, in nanoseconds.
    ///
    /// - Returns: how many were omitted since the last line that was not; nil when this one is, too.
    mutating func admit(now: UInt64, perSecond: Int) -> Int? {
        if now >= secondEnd {
            secondEnd = now + 1_000_000_000
            inSecond = 0
        }
        guard inSecond < perSecond else {
            omitted += 1
            return nil
        }
        inSecond += 1
        defer { omitted = 0 }
        return omitted
    }
}
