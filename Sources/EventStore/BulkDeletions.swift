package import Events
import Synchronization

/// The deletions by filter of a store. Only some run at a time.
package final class BulkDeletions: Sendable {
    private let running = Atomic<Int>(0)

    /// The most at a time.
    static let most = 16

    package init() {}

    /// Deletes the events of `repository` that match `query`.
    ///
    /// - Parameters:
    ///   - lastSeq: later events are not deleted.
    ///   - stopReason: called between two pages; the reason it may not continue.
    ///   - deleteEvents: has the writer delete the events with these seqs.
    package func start(
        _ query: EventQuery, in repository: any EventRepository, upTo lastSeq: Int64,
        for client: UInt64, stopReason: @escaping @Sendable () -> StoreError?,
        deleteEvents: @escaping @Sendable ([Int64], @escaping BulkDeletion.Completion) -> Void,
        completion: @escaping BulkDeletion.Completion
    ) {
        guard running.add(1, ordering: .relaxed).newValue <= Self.most else {
            running.subtract(1, ordering: .relaxed)
            return completion(
                0, .unavailable("\(Self.most) deletions by filter are already running"))
        }
        let deletion = BulkDeletion(
            repository: repository, lastSeq: lastSeq, client: client, stopReason: stopReason,
            deleteEvents: deleteEvents,
            completion: { [self] deleted, error in
                running.subtract(1, ordering: .relaxed)
                completion(deleted, error)
            })
        deletion.run(query.fromTheStart)
    }
}
