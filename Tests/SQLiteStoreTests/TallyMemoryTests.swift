import Synchronization
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("TallyMemory")
struct TallyMemoryTests {
    @Test("All queries share one bound, and what one gives back another may take")
    func shared() {
        let shared = SharedTally()
        let first = TallyMemory(of: shared)
        let second = TallyMemory(of: shared)
        #expect(first.take(TallyMemory.bound - 1))
        #expect(second.take(1))
        #expect(!second.take(1))
        // The refused part is given back with the rest.
        second.giveBack()
        #expect(shared.bytes.load(ordering: .relaxed) == TallyMemory.bound - 1)
        first.giveBack()
        #expect(second.take(TallyMemory.bound))
        second.giveBack()
        #expect(shared.bytes.load(ordering: .relaxed) == 0)
    }
}
