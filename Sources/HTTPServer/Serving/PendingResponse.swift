/// The right to answer one postponed request, once, from any thread. If the client has gone or has
/// its answer, the new one is dropped.
public struct PendingResponse: Sendable {
    let loop: EventLoop
    let token: UInt64
    let number: UInt64

    /// Answers with the output of `render`, on the connection's event loop.
    ///
    /// The loop is not woken: to answer many requests at once, call this for each and then
    /// `Server.wake()` once.
    public func enqueue(_ render: @escaping @Sendable (inout Response) -> Void) {
        // The task must not hold the loop, which holds the task: one that arrives after the loop
        // has ended would keep both forever.
        loop.enqueue { [token, number] loop in
            loop.connection(token)?.finish(number, render)
        }
    }

    /// Answers with the output of `render`, on the connection's event loop, at once.
    public func complete(_ render: @escaping @Sendable (inout Response) -> Void) {
        enqueue(render)
        loop.wake()
    }

    /// Resumes the body for a receiver that was full.
    ///
    /// - Parameter readiness: the receiver's readiness from now on.
    public func receiveMore(_ readiness: Request.Readiness = .ready) {
        loop.enqueue { [token, number] loop in
            loop.connection(token)?.receiveMore(number, readiness)
        }
        loop.wake()
    }
}
