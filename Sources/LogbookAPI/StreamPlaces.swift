import EventStore
import Synchronization

/// How many streams there may be, and how far each of them is.
///
/// `@unchecked Sendable`: the table is made once, and its cells are atomic.
final class StreamPlaces: @unchecked Sendable {
    let count: Int
    private let positions: UnsafeMutablePointer<Atomic<Int64>>
    private let free: Mutex<Free>

    private struct Free {
        /// Places given back.
        var places: [Int] = []
        /// The first of those that nobody has had yet.
        var next = 0
        var share: FairShare
    }

    /// The position of a place that nobody has.
    private static let nowhere = Int64.max

    init(_ count: Int) {
        self.count = count
        positions = .allocate(capacity: count)
        for place in 0..<count { (positions + place).initialize(to: Atomic(Self.nowhere)) }
        free = Mutex(Free(share: FairShare(total: count)))
    }

    deinit {
        positions.deinitialize(count: count)
        positions.deallocate()
    }

    /// Takes a place for a stream of `client` at `position`; nil when there is none for it.
    func take(at position: Int64, for client: UInt64) -> Int? {
        let place: Int? = free.withLock { free in
            guard free.share.take(for: client) else { return nil }
            if let place = free.places.popLast() { return place }
            free.next += 1
            return free.next - 1
        }
        if let place { move(place, to: position) }
        return place
    }

    /// Notes that the stream at `place` has got to `position`.
    func move(_ place: Int, to position: Int64) {
        positions[place].store(position, ordering: .relaxed)
    }

    func giveBack(_ place: Int, from client: UInt64) {
        move(place, to: Self.nowhere)
        free.withLock { free in
            free.share.giveBack(from: client)
            free.places.append(place)
        }
    }

    /// How many streams there are, and the position of the one that is furthest behind.
    var taken: (count: Int, last: Int64?) {
        let used = free.withLock { $0.next }
        var count = 0
        var last = Self.nowhere
        for place in 0..<used {
            let position = positions[place].load(ordering: .relaxed)
            if position != Self.nowhere { count += 1 }
            last = min(last, position)
        }
        return (count, count > 0 ? last : nil)
    }
}
