import EventStore
import Logging
import PostgreSQL
import Synchronization

/// The reason why nothing can be written at the moment, readable from any thread.
final class Availability: Sendable {
    private let current = Mutex<String?>(nil)
    private let logger: Logger

    private static let unreachable = "the database cannot be reached"

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
                error.mayPass ? Self.unreachable : "the database cannot be written"
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
    func end() { end { _ in true } }

    /// Records that the server can be reached. Only the writer finds out about the rest.
    func endUnreachable() { end { $0 == Self.unreachable } }

    private func end(_ isOver: (String) -> Bool) {
        let hasEnded = current.withLock { current in
            guard let reason = current, isOver(reason) else { return false }
            current = nil
            return true
        }
        if hasEnded { logger.notice("Writing works again") }
    }
}
