import Synchronization

/// The number of requests that each event loop has handled.
final class LoopCounts: Sendable {
    private let state = Mutex<[Int: Int]>([:])

    var counts: [Int: Int] { state.withLock { $0 } }

    func add(_ loop: Int) { state.withLock { $0[loop, default: 0] += 1 } }
}
