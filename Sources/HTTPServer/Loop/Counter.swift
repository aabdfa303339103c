import Synchronization

/// A number that one thread raises and any thread may read: the plain instructions of an addition,
/// without a lock on the bus.
struct Counter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// To be called by the one thread alone.
    func add(_ amount: Int) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}
