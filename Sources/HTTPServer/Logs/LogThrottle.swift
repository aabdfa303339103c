/// Limits a log to a number of lines a second and counts the rest.
struct LogThrottle {
    private var secondEnd: UInt64 = 0
    private var inSecond = 0
    private var omitted = 0

    /// Admits a line at the time `now`, in nanoseconds.
    ///
    /// - Returns: the number of lines omitted since the last admitted one; nil if this line is
    ///   omitted too.
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
