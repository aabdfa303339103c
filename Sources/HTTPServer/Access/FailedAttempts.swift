/// How many wrong tokens have come of late, by where they came from.
///
/// A table of fixed size that holds no addresses: those that meet in a cell are charged together. That slows down
/// wrong tokens, and no other request, so a flood of addresses cannot do more.
struct FailedAttempts {
    /// When a cell is empty again; a wrong token fills it by `drain` more.
    private var emptyAt = [UInt64](repeating: 0, count: FailedAttempts.cells)
    /// What each wrong token beyond the free ones has its answer wait longer than the one before, in nanoseconds.
    private let step: UInt64

    static let cells = 4096
    /// Wrong tokens in a minute that cost nothing.
    static let free: UInt64 = 10
    /// How long an answer waits at most, in steps.
    static let mostSteps: UInt64 = 10
    private static let drain: UInt64 = 60_000_000_000 / free

    init(step: UInt64 = 1_000_000_000) { self.step = step }

    /// Notes one from `network` at the time `now`, in nanoseconds.
    ///
    /// - Returns: how long its answer is to wait, in nanoseconds.
    mutating func note(from network: UInt64, now: UInt64) -> UInt64 {
        // Seeded in each process, so that nobody chooses whom to meet.
        var hasher = Hasher()
        hasher.combine(network)
        let cell = Int(UInt(bitPattern: hasher.finalize()) % UInt(Self.cells))
        let full = now + Self.drain * (Self.free + Self.mostSteps)
        emptyAt[cell] = min(max(emptyAt[cell], now) + Self.drain, full)
        let held = (emptyAt[cell] - now + Self.drain - 1) / Self.drain
        return held <= Self.free ? 0 : (held - Self.free) * step
    }
}
