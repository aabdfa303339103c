import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("FairShare")
struct FairShareTests {
    @Test(
        "A client alone gets three quarters, and another finds the last one",
        arguments: [(4, 3), (8, 6), (100, 75), (1024, 768)])
    func quarters(total: Int, alone: Int) {
        var share = FairShare(total: total)
        while share.take(for: 1) {}
        #expect(share.taken == alone)
        while share.take(for: 2) {}
        #expect(share.taken == total)
        share.giveBack(from: 1)
        let (first, third) = (share.admits(1), share.admits(3))
        #expect(!first, "it has more than half still")
        #expect(third)
    }

    @Test("A client gets one of two; a single one goes to the first client")
    func few() {
        var two = FairShare(total: 2)
        let taken = [two.take(for: 1), two.take(for: 1), two.take(for: 2)]
        #expect(taken == [true, false, true])
        var one = FairShare(total: 1)
        let first = [one.take(for: 1), one.take(for: 2)]
        one.giveBack(from: 1)
        let last = one.take(for: 2)
        #expect(first + [last] == [true, false, true])
    }

    @Test("An amount larger than a share is granted only if nobody holds anything")
    func large() {
        var share = FairShare(total: 100)
        let before = [share.take(100, for: 1), share.take(1, for: 2)]
        share.giveBack(100, from: 1)
        #expect(share.taken == 0)
        let after = [share.take(1, for: 2), share.take(100, for: 1)]
        #expect(before + after == [true, false, true, false])
    }
}
