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

    /// Creates a request of `client` that has just arrived.
    ///
    /// - Parameter limit: the longest it may take, including waiting.
    public init(client: UInt64, limit: Duration) {
        self.client = client
        deadline = clinux_monotonic_nanoseconds() + limit.inNanoseconds
    }

    /// Ends the read, running or waiting, because its result is no longer wanted.
    public func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// True once the read was canceled.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
}
