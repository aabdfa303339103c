import CLinux
import SQLite

/// Deletes events that were found before, one slice at a time, so that writing continues and the
/// WAL stays within its limit, however many there are.
final class DeletionJob: WriterJob {
    /// The number of events deleted, and the error that ended it early.
    typealias Completion = @Sendable (_ deleted: Int, _ error: SQLiteError?) -> Void

    private struct Order {
        var seqs: ArraySlice<Int64>
        var deleted = 0
        let completion: Completion
    }

    let name = "deletion"
    private let connection: Connection
    private let statements: EventStatements
    private let room: DiskRoom
    /// Called after each slice with the number of events it deleted.
    private let afterCommit: (Int) -> Void
    private var orders: [Order] = []
    private var size: SliceSize

    private static let mostRows = 1024
    /// The time to leave a WAL alone that has no space for a slice.
    private static let walRest = Duration.milliseconds(100)

    init(
        _ connection: Connection, _ statements: EventStatements, _ room: DiskRoom,
        afterCommit: @escaping (Int) -> Void
    ) {
        self.connection = connection
        self.statements = statements
        self.room = room
        self.afterCommit = afterCommit
        size = SliceSize(indexedEvents: min(Self.mostRows, room.rowsPerSlice))
    }

    /// Takes the seqs of events to delete; missing ones do not count. The completion comes on the
    /// writer's thread, once the deletion is synced.
    func delete(_ seqs: [Int64], _ completion: @escaping Completion) {
        orders.append(Order(seqs: seqs[...], completion: completion))
    }

    func runSlice() throws(SQLiteError) -> NextSlice {
        guard let order = orders.first else { return .afterCommit() }
        guard room.hasRoomForSlice else { return .afterCommit(orAfter: Self.walRest) }
        let seqs = order.seqs.prefix(size.count)
        let begin = clinux_monotonic_nanoseconds()
        do {
            let (deleted, taken) = try commit(seqs)
            if taken == size.count {
                size.note(.nanoseconds(clinux_monotonic_nanoseconds() - begin))
            }
            afterCommit(deleted)
            orders[0].deleted += deleted
            orders[0].seqs.removeFirst(taken)
            if orders[0].seqs.isEmpty { end(nil) }
        } catch {
            // The client is told, and may ask again.
            end(error)
        }
        room.noteDeletion()
        return orders.isEmpty ? .afterCommit() : .soon
    }

    private func commit(
        _ seqs: ArraySlice<Int64>
    ) throws(SQLiteError) -> (deleted: Int, taken: Int) {
        var outcome = (deleted: 0, taken: 0)
        let delete = { () throws(SQLiteError) in outcome = try self.statements.delete(seqs) }
        do {
            try connection.transaction(delete)
        } catch  where room.make(after: error, fromReserve: true) {
            // The rest of a full disk is for freeing space.
            try connection.transaction(delete)
        }
        return outcome
    }

    /// Abandons the rest.
    func stop() {
        while !orders.isEmpty {
            end(SQLiteError(extendedCode: SQLiteError.interrupt, message: "shutting down"))
        }
    }

    private func end(_ error: SQLiteError?) {
        let order = orders.removeFirst()
        order.completion(order.deleted, error)
    }
}
