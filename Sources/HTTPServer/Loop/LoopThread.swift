/// An event loop's thread, for work that is to be done there.
public struct LoopThread: Sendable {
    let loop: EventLoop

    /// Has `task` run at the loop's next wake-up, which is at once; it must not wait. Once the loop
    /// has ended it is dropped.
    public func run(_ task: @escaping @Sendable () -> Void) {
        loop.enqueue { _ in task() }
        loop.wake()
    }
}
