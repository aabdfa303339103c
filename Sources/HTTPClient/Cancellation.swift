import CLinux
import Glibc
import Synchronization
public import System

/// Cancels the waits of clients, from any thread. One object may serve several clients.
public final class Cancellation: Sendable {
    /// Becomes readable when canceled.
    let descriptor: Int32
    private let flag = Atomic(false)

    /// Creates a cancellation.
    ///
    /// - Throws: if there is no free descriptor.
    public init() throws(SystemError) {
        descriptor = clinux_eventfd()
        guard descriptor >= 0 else { throw SystemError("create an eventfd") }
    }

    deinit { close(descriptor) }

    /// Makes every client with this object throw `cancelled`, now and from now on. Only the look-up
    /// of a host name is not interrupted.
    public func cancel() {
        flag.store(true, ordering: .relaxed)
        var one: UInt64 = 1
        // It fails only if the eventfd is already readable.
        _ = retryingInterrupts { write(descriptor, &one, 8) }
    }

    /// Waits for `time`, or until it is canceled.
    public func wait(for time: Duration) {
        let waiting = Waiting(timeout: time, cancellation: self)
        // It throws if it was canceled, or if memory has run out.
        try? waiting.pause(time, to: "wait")
    }

    /// True once `cancel` was called.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
