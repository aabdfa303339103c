import Dispatch
import EventStore
import SQLiteStore

/// Holds up the writer, so that what is sent meanwhile waits: a reply comes on the writer's thread.
final class WriterBlock: Sendable {
    private let gate = DispatchSemaphore(value: 0)

    /// Returns once the writer is held.
    init(_ repository: SQLiteRepository) {
        let isHeld = DispatchSemaphore(value: 0)
        let gate = gate
        repository.delete(id: Array("nothing has this id".utf8)) { _ in
            isHeld.signal()
            // A test that fails before it lets go must not hang.
            _ = gate.wait(timeout: .now() + 60)
        }
        isHeld.wait()
    }

    /// Lets the writer go on.
    func release() { gate.signal() }
}
