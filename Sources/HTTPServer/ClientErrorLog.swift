import Dispatch
import Logging
import Synchronization

/// Logs, at info, what clients do wrong: so that it can be found, and so that no client fills the
/// log or has an event loop wait for it.
final class ClientErrorLog: Sendable {
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var secondEnd: UInt64 = 0
        var inSecond = 0
        /// Not written yet: a log that nobody reads blocks who writes to it.
        var underWay = 0
        var omitted = 0
    }

    /// Lines in a second; further ones are counted.
    static let linesPerSecond = 10

    init(_ logger: Logger) { self.logger = logger }

    /// Logs `error` of `peer`; `now` is in nanoseconds.
    func note(_ error: String, of peer: PeerAddress, now: UInt64) {
        guard logger.logLevel <= .info else { return }
        let omitted: Int? = state.withLock { state in
            if now >= state.secondEnd {
                state.secondEnd = now + 1_000_000_000
                state.inSecond = 0
            }
            guard max(state.inSecond, state.underWay) < Self.linesPerSecond else {
                state.omitted += 1
                return nil
            }
            state.inSecond += 1
            state.underWay += 1
            defer { state.omitted = 0 }
            return state.omitted
        }
        guard let omitted else { return }
        DispatchQueue.global().async { [self] in
            let others = omitted > 0 ? "; \(omitted) more like it were not logged" : ""
            logger.info("TLS with \(peer) failed: \(error)\(others)")
            state.withLock { $0.underWay -= 1 }
        }
    }
}
