import Dispatch
import Logging
import Synchronization

/// Logs, at info, what clients do wrong: so that it can be found, and so that no client fills the
/// log or has an event loop wait for it.
final class ClientErrorLog: Sendable {
    private let logger: Logger
    private let throttle = Mutex(LogThrottle())

    /// Lines in a second; further ones are counted.
    static let linesPerSecond = 10

    init(_ logger: Logger) { self.logger = logger }

    /// Logs `error` of `peer`; `now` is in nanoseconds.
    func note(_ error: String, of peer: PeerAddress, now: UInt64) {
        guard logger.logLevel <= .info else { return }
        let omitted = throttle.withLock {
            $0.admit(now: now, perSecond: Self.linesPerSecond, waiting: Self.linesPerSecond)
        }
        guard let omitted else { return }
        DispatchQueue.global().async { [self] in
            let others = omitted > 0 ? "; \(omitted) more like it were not logged" : ""
            logger.info("TLS with \(peer) failed: \(error)\(others)")
            throttle.withLock { $0.noteWritten() }
        }
    }
}
