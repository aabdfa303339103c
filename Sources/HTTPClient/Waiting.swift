import Glibc
import System

/// How long a client waits for its socket, and what ends that.
struct Waiting {
    /// Of each wait for the server to take or send something.
    let timeout: Duration
    /// Of all waits together.
    var deadline: ContinuousClock.Instant?
    let cancellation: Cancellation?

    /// Waits until `descriptor` is ready for `events`, those of poll(2).
    ///
    /// - Parameter action: what the error says that cannot be done.
    func wait(for events: Int32, of descriptor: Int32, to action: String) throws(HTTPClientError) {
        let end = ContinuousClock.now + timeout
        guard try poll(for: events, of: descriptor, until: end, to: action) else {
            throw .timedOut(action)
        }
    }

    /// Waits for `time`, which is short.
    func pause(_ time: Duration, to action: String) throws(HTTPClientError) {
        _ = try poll(for: 0, of: -1, until: .now + time, to: action)
    }

    /// Throws when the deadline has come, or when it was cancelled.
    func check(_ action: String) throws(HTTPClientError) {
        if let cancellation, cancellation.isCancelled {
            throw HTTPClientError(.cancelled, "cannot \(action): cancelled")
        }
        if let deadline, deadline <= .now { throw .timedOut(action) }
    }

    /// Whether `descriptor` is ready by `end`. The deadline is met within a millisecond.
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
