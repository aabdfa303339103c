import Synchronization

/// How many streams there may be.
final class StreamPlaces: Sendable {
    let count: Int
    private let taken = Atomic<Int>(0)

    init(_ count: Int) { self.count = count }

    /// Takes a place; false when there is none.
    func take() -> Bool {
        guard taken.wrappingAdd(1, ordering: .relaxed).newValue <= count else {
            giveBack()
            return false
        }
        return true
    }

    func giveBack() { taken.wrappingSubtract(1, ordering: .relaxed) }
}
