import Logging
import Synchronization
import System

/// Logs requests: each one at debug level, slow and failed ones as warnings. Never logs the query,
/// a header field or a body, because they may hold secrets.
final class RequestLog: Sendable {
    /// One answered request.
    struct Entry: Sendable {
        let method: HTTPMethod?
        /// nil if no route was found.
        let route: String?
        /// The value of the route's `{name}`.
        let parameter: [UInt8]
        let status: Int
        let nanoseconds: UInt64
        let trace: TraceID?
        let peer: PeerAddress
    }

    private let logger: Logger
    private let slow: UInt64
    private let logsAll: Bool
    private let throttle = Mutex(LogThrottle())

    /// The most warnings in a second; further ones are counted.
    static let warningsPerSecond = 100

    init(_ logger: Logger, slow: Duration) {
        self.logger = logger
        self.slow = slow.inNanoseconds
        logsAll = logger.logLevel <= .debug
    }

    /// The level at which a request with this answer is logged; nil if it is not logged.
    ///
    /// - Parameter isExpected: whether the route exists to report a 503.
    func level(
        of status: HTTPStatus, isExpected: Bool, _ nanoseconds: UInt64
    ) -> Logger.Level? {
        // 501 and 505 are the client's fault.
        let hasFailed =
            status == .internalServerError
            || (status == .serviceUnavailable && !isExpected)
        return hasFailed || nanoseconds >= slow ? .warning : logsAll ? .debug : nil
    }

    /// Logs `entry`; `now` is in nanoseconds.
    func note(_ entry: Entry, at level: Logger.Level, now: UInt64) {
        // At debug level no request is left out.
        let perSecond = logsAll ? .max : Self.warningsPerSecond
        let omitted = throttle.withLock { $0.admit(now: now, perSecond: perSecond) }
        if let omitted { write(entry, level, omitted) }
    }

    private func write(_ entry: Entry, _ level: Logger.Level, _ omitted: Int) {
        let method = entry.method?.rawValue ?? "other"
        let route = entry.route ?? "none"
        var metadata: Logger.Metadata = [
            "method": "\(method)", "route": "\(route)", "status": "\(entry.status)",
            "duration_us": "\(entry.nanoseconds / 1000)", "client": "\(entry.peer)",
        ]
        if !entry.parameter.isEmpty {
            metadata["id"] = "\(String(decoding: entry.parameter.prefix(256), as: UTF8.self))"
        }
        if let trace = entry.trace { metadata["trace_id"] = "\(trace)" }
        if omitted > 0 { metadata["requests_not_logged"] = "\(omitted)" }
        logger.log(level: level, "\(method) \(route) \(entry.status)", metadata: metadata)
    }
}
