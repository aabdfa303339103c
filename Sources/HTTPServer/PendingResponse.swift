/// The right to answer one postponed request, once, from any thread. If the client has gone, the
/// answer is dropped.
public struct PendingResponse: Sendable {
    let loop: EventLoop
    let token: UInt64

    /// Answers with what `render` writes, on the connection's event loop.
    ///
    /// The loop is not woken: what answers many requests at once calls this for each and then
    /// `Server.wake()` once.
    public func enqueue(_ render: @escaping @Sendable (inout Response) -> Void) {
        loop.enqueue { loop in loop.finish(token, render) }
    }

    /// Answers with what `render` writes, on the connection's event loop, at once.
    public func complete(_ render: @escaping @Sendable (inout Response) -> Void) {
        enqueue(render)
        loop.wake()
    }
}
