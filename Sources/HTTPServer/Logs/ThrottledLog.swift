package import Logging
import Synchronization

/// Logs clients' errors so that an operator can find them, without letting a client fill the log.
package final class ThrottledLog: Sendable {
    private let logger: Logger
    private let level: Logger.Level
    private let throttle = Mutex(LogThrottle())

    /// The most lines in a second; further ones are counted.
    static let linesPerSecond = 10

    package init(_ logger: Logger, level: Logger.Level) {
        self.logger = logger
        self.level = level
    }

    /// Logs the line that `line` makes; `now` is in nanoseconds.
    package func note(now: UInt64, _ line: () -> (message: String, metadata: Logger.Metadata)) {
        guard logger.logLevel <= level else { return }
        let omitted = throttle.withLock { $0.admit(now: now, perSecond: Self.linesPerSecond) }
        guard let omitted else { return }
        let (message, metadata) = line()
        let others = omitted > 0 ? "; \(omitted) more like it were not logged" : ""
        logger.log(level: level, "\(message)\(others)", metadata: metadata)
    }
}

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
