import CLinux
import Synchronization

/// What the tallies of one query take of memory, within a bound that all queries share.
final class TallyMemory {
    /// For all queries at a time, in bytes.
    static let bound = 64 * 1024 * 1024
    /// From this on the heap keeps so much of what is freed that it is worth asking it back.
    private static let large = 4 * 1024 * 1024

    private let shared: SharedTally
    private var own = 0

    init(of shared: SharedTally) { self.shared = shared }

    /// Takes `bytes` more; false when there are no more.
    func take(_ bytes: Int) -> Bool {
        own += bytes
        return shared.bytes.add(bytes, ordering: .relaxed).newValue <= Self.bound
    }

    /// Gives everything back, also to the system.
    func giveBack() {
        shared.bytes.subtract(own, ordering: .relaxed)
        if own >= Self.large { clinux_trim_heaps() }
        own = 0
    }
}

/// What the tallies of all queries take of memory, in bytes.
final class SharedTally: Sendable {
    let bytes = Atomic<Int>(0)
}
