/// The totals of a series, the revisions of one Kubernetes event. Each revision has the number of
/// occurrences by which it raises the highest count, so their sum is the same in any order of
/// arrival. The highest count outlives the events. A deleted revision that is stored again adds again
/// what deletions removed.
package struct SeriesTotals: Equatable, Sendable {
    /// The highest count.
    package private(set) var count: Int64
    /// The occurrences that deletions removed, and that no revision has added again.
    package private(set) var removed: Int64
    /// The latest time of receipt, in milliseconds.
    package private(set) var receivedAt: Int64

    /// Milliseconds for which a series without events is remembered. Kubernetes forgets an event after
    /// an hour without news, or a few (`--event-ttl`). Later revisions come from old dumps.
    package static let memory: Int64 = 24 * 3_600_000
    /// The number of rows from which on none is kept without events.
    package static let mostWithoutEvents = 100_000
    /// The occurrences that an event can have.
    private static let counts = 0...Int64(Int32.max)

    /// Takes over what a database holds, which may be any numbers.
    package init(count: Int64 = 0, removed: Int64 = 0, receivedAt: Int64 = 0) {
        self.count = min(max(count, Self.counts.lowerBound), Self.counts.upperBound)
        self.removed = min(max(removed, 0), self.count)
        self.receivedAt = receivedAt
    }

    /// Adds a revision with this count.
    ///
    /// - Returns: its occurrences, and true if it raises the highest count.
    package mutating func add(count given: Int64) -> (occurrences: Int64, raisesCount: Bool) {
        let given = min(max(given, 1), Self.counts.upperBound)
        guard given > count else {
            let occurrences = min(given, removed)
            removed -= occurrences
            return (occurrences, false)
        }
        defer { count = given }
        return (given - count, true)
    }

    /// Notes that a revision was received.
    package mutating func noteReceived(at time: Int64) { receivedAt = max(receivedAt, time) }

    /// Notes that a revision was deleted.
    package mutating func noteDeleted(occurrences: Int64, receivedAt time: Int64) {
        removed = min(removed + occurrences, count)
        noteReceived(at: time)
    }
}
