/// An event loop's thread, for work that must run there.
public struct LoopThread: Sendable {
    let loop: EventLoop

    /// Queues `task` for the loop's next wake-up, which is immediate. It must not block. It is
    /// dropped if the loop has ended.
    public func run(_ task: @escaping @Sendable () -> Void) {
        loop.enqueue { _ in task() }
        loop.wake()
    }
}
