/// The right to answer one postponed request, once, from any thread. If the client has gone, or has
/// had its answer, what comes is dropped.
public struct PendingResponse: Sendable {
    let loop: EventLoop
    let token: UInt64
    let number: UInt64

    /// Answers with what `render` writes, on the connection's event loop.
    ///
    /// The loop is not woken: what answers many requests at once calls this for each and then
    /// `Server.wake()` once.
    public func enqueue(_ render: @escaping @Sendable (inout Response) -> Void) {
        // The task must not hold the loop, which holds the task: one that comes when the loop has
        // ended would keep both for ever.
        loop.enqueue { [token, number] loop in
            loop.connection(token)?.finish(number, render)
        }
    }

    /// Answers with what `render` writes, on the connection's event loop, at once.
    public func complete(_ render: @escaping @Sendable (inout Response) -> Void) {
        enqueue(render)
        loop.wake()
    }

    /// Has the rest of the body come to a receiver that was full.
    ///
    /// - Parameter readiness: that of the receiver from now on.
    public func receiveMore(_ readiness: Request.Readiness = .ready) {
        loop.enqueue { [token, number] loop in
            loop.connection(token)?.receiveMore(number, readiness)
        }
        loop.wake()
    }
}
