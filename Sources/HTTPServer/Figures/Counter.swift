import Synchronization

/// A number that one thread raises and any thread may read. Adding needs no locked instruction.
struct Counter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// Adds `amount`. Only the one thread may call it.
    func add(_ amount: Int) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}
