import Synchronization

/// The commits of a store, for everyone who follows them: a count, the last seq, and a call after each commit.
public final class CommitFeed: Sendable {
    private let commits = Atomic<Int>(0)
    private let last = Atomic<Int64>(0)
    private let subscribers = Mutex<[@Sendable () -> Void]>([])

    /// The feed of a store that has committed nothing yet.
    public init() {}

    /// Rises with every commit, before the replies to what was committed.
    public var count: Int { commits.load(ordering: .acquiring) }

    /// The highest number that an event ever had, as of the last commit; 0 before the first event.
    public var lastSeq: Int64 { last.load(ordering: .acquiring) }

    /// Has `body` called after the replies of each commit, on a thread of the store, which it must not hold up.
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
