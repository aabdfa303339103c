import Synchronization

/// The connections that a group of listeners may hold. Listeners that serve the whole router share
/// one pool and those that serve a few paths share another, so neither group can starve the other.
final class ConnectionPool: Sendable {
    /// The index among the server's pools, and in each loop's lists.
    let index: Int
    let limit: Int
    /// True while another loop closes a connection to make room for the next one.
    let isMakingRoom = Atomic<Bool>(false)
    /// True while a paused body is being ended to make room for the next connection. Only one at a
    /// time, because its client is answered first.
    let isEndingPause = Atomic<Bool>(false)
    private let open = Atomic<Int>(0)

    init(index: Int, limit: Int) {
        self.index = index
        self.limit = limit
    }

    /// Connections open now.
    var count: Int { open.load(ordering: .relaxed) }

    /// Reserves a connection; false if the pool is full.
    func reserve() -> Bool {
        if open.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        release()
        return false
    }

    /// Gives a reservation back.
    func release() {
        open.wrappingSubtract(1, ordering: .relaxed)
    }
}
