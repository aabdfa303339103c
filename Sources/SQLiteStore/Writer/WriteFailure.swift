import EventStore
import Logging
import SQLite
import Synchronization

/// The reason why nothing can be written at the moment, readable from any thread.
final class WriteFailure: Sendable {
    private static let isDamaged = "the database file is damaged"
    private static let cannotWrite = "the database cannot be written"

    private let current = Mutex<String?>(nil)
    private let reads: OpenReads
    private let logger: Logger

    init(reads: OpenReads, logger: Logger) {
        self.reads = reads
        self.logger = logger
    }

    /// The reason; nil if writing works.
    var reason: String? { isOfDamage ? Self.isDamaged : current.withLock { $0 } }

    /// True if the file is damaged. That does not go away, although a small write may still
    /// succeed.
    var isOfDamage: Bool { reads.haveFoundDamage }

    /// The answer to a write that is not even tried.
    var refusal: StoreError { .unavailable(isOfDamage ? Self.isDamaged : Self.cannotWrite) }

    /// Records that writing failed.
    ///
    /// - Returns: the answer to the write, and true if this is a new failure that may pass.
    func note(_ error: SQLiteError) -> (reason: StoreError, isNews: Bool) {
        reads.note(error)
        let reason =
            error.code == SQLiteError.full
            ? "the disk is full" : isOfDamage ? Self.isDamaged : Self.cannotWrite
        let isFirst = current.withLock { current in
            defer { current = reason }
            return current == nil
        }
        if isFirst {
            logger.error("Writing failed, events are refused until it works again: \(error)")
        }
        return (.unavailable(reason), isFirst && !error.isDamage)
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
