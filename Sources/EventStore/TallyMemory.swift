import CLinux
package import Synchronization

/// The memory used by the tallies of one query, within a bound that all queries share.
package final class TallyMemory {
    /// The bound for all queries at a time, in bytes.
    package static let bound = 64 * 1024 * 1024
    /// Above this, the heap keeps so much freed memory that returning it is worthwhile.
    private static let large = 4 * 1024 * 1024

    private let shared: SharedTally
    private var own = 0

    package init(of shared: SharedTally) { self.shared = shared }

    /// Takes `bytes` more; false if there are no more.
    package func take(_ bytes: Int) -> Bool {
        own += bytes
        return shared.bytes.add(bytes, ordering: .relaxed).newValue <= Self.bound
    }

    /// Gives everything back, also to the system.
    package func giveBack() {
        shared.bytes.subtract(own, ordering: .relaxed)
        if own >= Self.large { clinux_trim_heaps() }
        own = 0
    }
}

/// The memory used by the tallies of all queries, in bytes.
package final class SharedTally: Sendable {
    package init() {}

    package let bytes = Atomic<Int>(0)
}
