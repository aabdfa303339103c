import Dispatch
public import EventStore

/// Holds up the writer so that requests queue meanwhile: a reply comes on the writer's thread.
public final class WriterBlock: Sendable {
    private let gate = DispatchSemaphore(value: 0)

    /// Returns once the writer is held.
    public init(_ repository: any EventRepository) {
        let isHeld = DispatchSemaphore(value: 0)
        let gate = gate
        repository.delete(id: Array("nothing has this id".utf8)) { _ in
            isHeld.signal()
            // A test that fails before the release must not hang.
            _ = gate.wait(timeout: .now() + 60)
        }
        isHeld.wait()
    }

    /// Releases the writer.
    public func release() { gate.signal() }
}
