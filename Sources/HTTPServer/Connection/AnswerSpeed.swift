/// How fast a client takes an answer, over windows of the time in which there is something to take: what
/// the handler needs to make the next piece is not the client's. All times are in nanoseconds.
struct AnswerSpeed {
    /// The time when a byte was last sent, or an answer started to wait for its client.
    private(set) var lastSent: UInt64 = 0
    /// Of this window, before the wait that goes on.
    private var waited: UInt64 = 0
    private var waitingSince: UInt64?
    private var sent = 0

    /// When the window is over, if the client goes on as slowly; `.max` while nothing waits for it.
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

    /// Something waits for the client from `now` on.
    mutating func beginWait(_ now: UInt64) {
        if waitingSince == nil { waitingSince = now }
    }

    /// The client has taken all that there was.
    mutating func endWait(_ now: UInt64) {
        guard let since = waitingSince else { return }
        waited += now - since
        waitingSince = nil
    }

    /// Starts over with the first window of another answer.
    mutating func restart() { self = AnswerSpeed(lastSent: lastSent) }

    /// Ends the window, and begins the next.
    ///
    /// - Returns: the bytes sent in it.
    mutating func nextWindow(_ now: UInt64) -> Int {
        defer { self = AnswerSpeed(lastSent: lastSent, waitingSince: now) }
        return sent
    }
}
