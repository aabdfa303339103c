import CLinux
import Synchronization
import System

/// The request behind a read: its client, its deadline, and a way to cancel it.
public final class ReadRequest: Sendable {
    /// The client, as a number. Clients share read threads fairly by it.
    public let client: UInt64
    /// Monotonic nanoseconds.
    package let deadline: UInt64
    private let cancelled = Atomic(false)

    /// A request of `client` that has come just now.
    ///
    /// - Parameter limit: how long it may take, the time that it waits included.
    public init(client: UInt64, limit: Duration) {
        self.client = client
        deadline = clinux_monotonic_nanoseconds() + limit.inNanoseconds
    }

    /// Has the read end, running or waiting: nobody wants its result any more.
    public func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// True once the read was canceled.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
}
