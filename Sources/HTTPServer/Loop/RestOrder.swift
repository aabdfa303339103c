import Synchronization

/// The connections of one event loop that wait for a request, in the order in which they began to: a list
/// in arrays, which a slot enters and leaves in constant time and without an allocation.
///
/// `@unchecked Sendable`: the loop's thread alone changes it, and any thread reads `longestSince`, an atomic.
final class RestOrder: @unchecked Sendable {
    private struct Place {
        var previous = RestOrder.none
        var next = RestOrder.none
        /// Nanoseconds of the monotonic clock; `.max` for a slot that is not in the list.
        var since = UInt64.max
    }

    private var places: [Place] = []
    private var first = RestOrder.none
    private var last = RestOrder.none
    private let firstSince = Atomic<UInt64>(.max)

    private static let none = -1

    /// Since when the first of them has rested, in nanoseconds of the monotonic clock; `.max` when none does.
    var longestSince: UInt64 { firstSince.load(ordering: .relaxed) }

    /// Puts `slot` last.
    func append(_ slot: Int, now: UInt64) {
        while places.count <= slot { places.append(Place()) }
        remove(slot)
        places[slot] = Place(previous: last, since: now)
        if last == Self.none { first = slot } else { places[last].next = slot }
        last = slot
        if first == slot { publishFirst() }
    }

    /// Takes `slot` out, if it is in.
    func remove(_ slot: Int) {
        guard slot < places.count, places[slot].since != .max else { return }
        let place = places[slot]
        places[slot] = Place()
        if place.next == Self.none {
            last = place.previous
        } else {
            places[place.next].previous = place.previous
        }
        if place.previous == Self.none {
            first = place.next
            publishFirst()
        } else {
            places[place.previous].next = place.next
        }
    }

    /// Takes out the slot that has rested longest; nil when none does.
    func popFirst() -> Int? {
        guard first != Self.none else { return nil }
        let slot = first
        remove(slot)
        return slot
    }

    private func publishFirst() {
        firstSince.store(first == Self.none ? .max : places[first].since, ordering: .relaxed)
    }
}
