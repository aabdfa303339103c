/// The rate at which a client takes an answer, in windows of the time in which there is something
/// to take. The handler's time for making a piece does not count. All times are in nanoseconds.
struct AnswerSpeed {
    /// The time when a byte was last sent, or an answer started to wait for its client.
    private(set) var lastSent: UInt64 = 0
    /// The time waited in this window, without the current wait.
    private var waited: UInt64 = 0
    private var waitingSince: UInt64?
    private var sent = 0

    /// The end of the window if the client continues at this rate; `.max` while nothing waits for
    /// the client.
    func windowEnd(_ window: UInt64) -> UInt64 {
        guard let waitingSince else { return .max }
        return waitingSince &+ (window - min(waited, window))
    }

    /// Records that bytes were sent.
    ///
    /// - Parameter wasBlocked: whether some were already waiting for the client.
    mutating func noteSent(_ bytes: Int, wasBlocked: Bool, _ now: UInt64) {
        sent += bytes
        if bytes > 0 || !wasBlocked { lastSent = now }
    }

    /// Notes that something waits for the client from `now` on.
    mutating func beginWait(_ now: UInt64) {
        if waitingSince == nil { waitingSince = now }
    }

    /// Notes that the client has taken everything.
    mutating func endWait(_ now: UInt64) {
        guard let since = waitingSince else { return }
        waited += now - since
        waitingSince = nil
    }

    /// Starts over with the first window of another answer.
    mutating func restart() { self = AnswerSpeed(lastSent: lastSent) }

    /// Ends the window and begins the next one.
    ///
    /// - Returns: the bytes sent in it.
    mutating func nextWindow(_ now: UInt64) -> Int {
        defer { self = AnswerSpeed(lastSent: lastSent, waitingSince: now) }
        return sent
    }
}
