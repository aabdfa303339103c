import Synchronization

/// The places for connections that some listeners share: those of the whole router have one pool, and
/// those of a few paths another, so that neither can use up what the other needs.
final class ConnectionPool: Sendable {
    /// Its place among the server's pools, and among the loops' lists.
    let index: Int
    let limit: Int
    /// Whether a connection of another loop than the acceptor's is being closed for the next one.
    let isMakingRoom = Atomic<Bool>(false)
    /// Whether a body that paused is being ended for the next connection; one at a time, because its client is
    /// answered first.
    let isEndingPause = Atomic<Bool>(false)
    private let open = Atomic<Int>(0)

    init(index: Int, limit: Int) {
        self.index = index
        self.limit = limit
    }

    /// Connections open now.
    var count: Int { open.load(ordering: .relaxed) }

    /// Takes a place; false when all are taken.
    func reserve() -> Bool {
        if open.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        release()
        return false
    }

    /// Gives a place back.
    func release() {
        open.wrappingSubtract(1, ordering: .relaxed)
    }
}
