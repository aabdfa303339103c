import Synchronization

/// A store's commits, for all subscribers: a count, the last seq, and a call after each commit.
public final class CommitFeed: Sendable {
    private let commits = Atomic<Int>(0)
    private let last = Atomic<Int64>(0)
    private let subscribers = Mutex<[@Sendable () -> Void]>([])

    /// Creates the feed of a store that has committed nothing yet.
    public init() {}

    /// The number of commits. It rises before the replies to the commit.
    public var count: Int { commits.load(ordering: .acquiring) }

    /// The highest seq that an event ever had, as of the last commit; 0 before the first event.
    public var lastSeq: Int64 { last.load(ordering: .acquiring) }

    /// Calls `body` after the replies of each commit, on a thread of the store; it must not block.
    public func subscribe(_ body: @escaping @Sendable () -> Void) {
        subscribers.withLock { $0.append(body) }
    }

    // MARK: For stores

    /// Notes a commit, before its replies.
    public func note(lastSeq: Int64) {
        last.store(lastSeq, ordering: .releasing)
        commits.wrappingAdd(1, ordering: .releasing)
    }

    /// Tells all subscribers, after the replies.
    public func tell() {
        for body in subscribers.withLock({ $0 }) { body() }
    }
}
