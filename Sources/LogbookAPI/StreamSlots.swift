import EventStore
import Synchronization

/// The limit on streams, and the position of each one.
///
/// `@unchecked Sendable`: the table is made once, and its cells are atomic.
final class StreamSlots: @unchecked Sendable {
    let count: Int
    private let positions: UnsafeMutablePointer<Atomic<Int64>>
    private let free: Mutex<Free>

    private struct Free {
        /// Slots given back.
        var slots: [Int] = []
        /// The first slot never used.
        var next = 0
        var share: FairShare
    }

    /// The position of an unused slot.
    private static let nowhere = Int64.max

    init(_ count: Int) {
        self.count = count
        positions = .allocate(capacity: count)
        for slot in 0..<count { (positions + slot).initialize(to: Atomic(Self.nowhere)) }
        free = Mutex(Free(share: FairShare(total: count)))
    }

    deinit {
        positions.deinitialize(count: count)
        positions.deallocate()
    }

    /// Takes a slot for a stream of `client` at `position`; nil if there is none for it.
    func take(at position: Int64, for client: UInt64) -> Int? {
        let slot: Int? = free.withLock { free in
            guard free.share.take(for: client) else { return nil }
            if let slot = free.slots.popLast() { return slot }
            free.next += 1
            return free.next - 1
        }
        if let slot { move(slot, to: position) }
        return slot
    }

    /// Notes that the stream at `slot` has reached `position`.
    func move(_ slot: Int, to position: Int64) {
        positions[slot].store(position, ordering: .relaxed)
    }

    func giveBack(_ slot: Int, from client: UInt64) {
        move(slot, to: Self.nowhere)
        free.withLock { free in
            free.share.giveBack(from: client)
            free.slots.append(slot)
        }
    }

    /// The number of streams, and the position of the furthest behind.
    var taken: (count: Int, last: Int64?) {
        let used = free.withLock { $0.next }
        var count = 0
        var last = Self.nowhere
        for slot in 0..<used {
            let position = positions[slot].load(ordering: .relaxed)
            if position != Self.nowhere { count += 1 }
            last = min(last, position)
        }
        return (count, count > 0 ? last : nil)
    }
}
