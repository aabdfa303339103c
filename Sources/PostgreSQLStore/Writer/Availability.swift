import EventStore
import Logging
import PostgreSQL
import Synchronization

/// The reason why nothing can be written at the moment, readable from any thread.
final class Availability: Sendable {
    private let current = Mutex<String?>(nil)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// The reason; nil if writing works.
    var reason: String? { current.withLock { $0 } }

    /// Records that writing failed, and returns the answer to the write.
    func note(_ error: PostgreSQLError) -> StoreError {
        let reason =
            switch error.sqlState {
            case PostgreSQLSchema.noStandby:
                "the database has no standby that takes part in commits"
            case "53100": "the disk of the database's server is full"
            default:
                error.mayPass
                    ? "the database cannot be reached" : "the database cannot be written"
            }
        let isFirst = current.withLock { current in
            defer { current = reason }
            return current == nil
        }
        if isFirst {
            logger.error("Writing failed, events are refused until it works again: \(error)")
        }
        return .unavailable(reason)
    }

    /// Records that writing works.
    func end() {
        let before = current.withLock { current in
            defer { current = nil }
            return current
        }
        if before != nil { logger.notice("Writing works again") }
    }
}
