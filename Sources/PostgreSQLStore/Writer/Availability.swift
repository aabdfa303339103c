import EventStore
import Logging
import PostgreSQL
import Synchronization

/// The reason why nothing can be written at the moment, readable from any thread.
final class Availability: Sendable {
    /// The reason, and when the trouble began, in monotonic nanoseconds.
    private let current = Mutex<(reason: String, since: UInt64)?>(nil)
    private let logger: Logger

    /// The trouble that the lookout finds out about, too; only the writer does about the rest.
    static let unreachable = "the database cannot be reached"
    static let noStandby = "the database has no standby that takes part in commits"

    init(logger: Logger) { self.logger = logger }

    /// The reason; nil if writing works.
    var reason: String? { current.withLock { $0?.reason } }

    /// The time at which the trouble began; nil if writing works.
    var since: UInt64? { current.withLock { $0?.since } }

    /// Records that writing has failed since then, and returns the answer to the write.
    ///
    /// - Parameter reason: nil for one that the error tells.
    func note(
        _ error: PostgreSQLError, since: UInt64, as reason: String? = nil
    ) -> StoreError {
        let reason = reason ?? Self.reason(for: error)
        let isFirst = current.withLock { current in
            defer { current = (reason, min(since, current?.since ?? since)) }
            return current == nil
        }
        if isFirst {
            logger.error("Writing failed, events are refused until it works again: \(error)")
        }
        return .unavailable(reason)
    }

    private static func reason(for error: PostgreSQLError) -> String {
        switch error.sqlState {
        case PostgreSQLSchema.noStandby: noStandby
        case "53100": "the disk of the database's server is full"
        default: error.mayPass ? unreachable : "the database cannot be written"
        }
    }

    /// Records that writing works.
    func end() { end { _ in true } }

    /// Records that this trouble is over.
    func end(_ reason: String) { end { $0 == reason } }

    private func end(_ isOver: (String) -> Bool) {
        let hasEnded = current.withLock { current in
            guard let reason = current?.reason, isOver(reason) else { return false }
            current = nil
            return true
        }
        if hasEnded { logger.notice("Writing works again") }
    }
}
