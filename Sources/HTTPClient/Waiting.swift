import Glibc
import System

/// The limits on a client's waits for its socket.
struct Waiting {
    /// The limit of each wait for the server to take or send something.
    var timeout: Duration
    /// The limit of all waits together.
    var deadline: ContinuousClock.Instant?
    let cancellation: Cancellation?

    /// Waits until `descriptor` is ready for `events`, as in poll(2).
    ///
    /// - Parameter action: the action that the error says cannot be done.
    func wait(for events: Int32, of descriptor: Int32, to action: String) throws(HTTPClientError) {
        let end = ContinuousClock.now + timeout
        guard try poll(for: events, of: descriptor, until: end, to: action) else {
            throw .timedOut(action)
        }
    }

    /// Returns true if `descriptor` is ready for `events` within `time`.
    func isReady(
        for events: Int32, of descriptor: Int32, within time: Duration, to action: String
    ) throws(HTTPClientError) -> Bool {
        try poll(for: events, of: descriptor, until: .now + time, to: action)
    }

    /// Waits for `time`.
    func pause(_ time: Duration, to action: String) throws(HTTPClientError) {
        _ = try poll(for: 0, of: -1, until: .now + time, to: action)
    }

    /// Throws if the deadline has passed or the work was canceled.
    func check(_ action: String) throws(HTTPClientError) {
        if let cancellation, cancellation.isCancelled {
            throw HTTPClientError(.cancelled, "cannot \(action): cancelled")
        }
        if let deadline, deadline <= .now { throw .timedOut(action) }
    }

    /// True if `descriptor` is ready by `end`. Meets the deadline within a millisecond.
    private func poll(
        for events: Int32, of descriptor: Int32, until end: ContinuousClock.Instant,
        to action: String
    ) throws(HTTPClientError) -> Bool {
        let last = min(end, deadline ?? end)
        var descriptors = [
            pollfd(fd: descriptor, events: Int16(events), revents: 0),
            pollfd(fd: cancellation?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let count = retryingInterrupts {
            let milliseconds = max(0, (last - .now) / .milliseconds(1)).rounded(.up)
            return Glibc.poll(&descriptors, 2, Int32(min(milliseconds, 1e9)))
        }
        guard count >= 0 else { throw .failed(to: action) }
        try check(action)
        return descriptors[0].revents != 0
    }
}
