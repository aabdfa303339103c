import CLinux
import Glibc
import Synchronization
import System

/// Ends what clients wait for, from any thread. One may serve several clients.
public final class Cancellation: Sendable {
    /// Readable once it is cancelled.
    let descriptor: Int32
    private let flag = Atomic(false)

    /// - Throws: when there is no descriptor left.
    public init() throws(SystemError) {
        descriptor = clinux_eventfd()
        guard descriptor >= 0 else { throw SystemError("create an eventfd") }
    }

    deinit { close(descriptor) }

    /// Has every client that was given this one throw `cancelled`, now and from now on. Only the
    /// look-up of a host's name is not interrupted.
    public func cancel() {
        flag.store(true, ordering: .relaxed)
        var one: UInt64 = 1
        // It fails only when it is readable already.
        _ = retryingInterrupts { write(descriptor, &one, 8) }
    }

    /// Whether `cancel` was called.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
