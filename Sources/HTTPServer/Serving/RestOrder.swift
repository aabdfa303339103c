import Synchronization

/// The connections of one event loop that wait for a request, longest wait first. A linked list in
/// arrays: a slot enters and leaves in constant time without an allocation.
///
/// `@unchecked Sendable`: only the loop's thread changes it. Any thread reads `longestSince`, which
/// is atomic.
final class RestOrder: @unchecked Sendable {
    private struct Node {
        var previous = RestOrder.none
        var next = RestOrder.none
        /// Nanoseconds of the monotonic clock; `.max` for a slot that is not in the list.
        var since = UInt64.max
    }

    private var nodes: [Node] = []
    private var first = RestOrder.none
    private var last = RestOrder.none
    private let firstSince = Atomic<UInt64>(.max)

    private static let none = -1

    /// The start of the longest wait, in nanoseconds of the monotonic clock; `.max` if the list is
    /// empty.
    var longestSince: UInt64 { firstSince.load(ordering: .relaxed) }

    /// Appends `slot`.
    func append(_ slot: Int, now: UInt64) {
        while nodes.count <= slot { nodes.append(Node()) }
        remove(slot)
        nodes[slot] = Node(previous: last, since: now)
        if last == Self.none { first = slot } else { nodes[last].next = slot }
        last = slot
        if first == slot { publishFirst() }
    }

    /// Removes `slot` if it is in the list.
    func remove(_ slot: Int) {
        guard slot < nodes.count, nodes[slot].since != .max else { return }
        let node = nodes[slot]
        nodes[slot] = Node()
        if node.next == Self.none {
            last = node.previous
        } else {
            nodes[node.next].previous = node.previous
        }
        if node.previous == Self.none {
            first = node.next
            publishFirst()
        } else {
            nodes[node.previous].next = node.next
        }
    }

    /// Removes the slot that has waited longest; nil if the list is empty.
    func popFirst() -> Int? {
        guard first != Self.none else { return nil }
        let slot = first
        remove(slot)
        return slot
    }

    private func publishFirst() {
        firstSince.store(first == Self.none ? .max : nodes[first].since, ordering: .relaxed)
    }
}
