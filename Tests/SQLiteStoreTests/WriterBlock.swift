import Dispatch
import EventStore
import SQLiteStore

/// Holds up the writer so that requests queue meanwhile: a reply comes on the writer's thread.
final class WriterBlock: Sendable {
    private let gate = DispatchSemaphore(value: 0)

    /// Returns once the writer is held.
    init(_ repository: SQLiteRepository) {
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
    func release() { gate.signal() }
}
