import Synchronization

/// Counts commits, for readers that share a snapshot to see when it is out of date.
final class CommitCounter: Sendable {
    private let commits = Atomic<Int>(0)

    var count: Int { commits.load(ordering: .acquiring) }

    func increment() { commits.wrappingAdd(1, ordering: .releasing) }
}
