import Events
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("StoreClock")
struct StoreClockTests {
    /// The two clocks that it combines, which the test can turn; milliseconds.
    private final class Clocks {
        var wall: Int64 = 1_795_429_845_123
        var monotonic: Int64 = 1_000_000

        /// Advances both equally.
        func advance(_ milliseconds: Int64) {
            wall += milliseconds
            monotonic += milliseconds
        }

        func clock(last: Int64? = nil) -> StoreClock {
            StoreClock(
                last: last, wall: { Timestamp(milliseconds: self.wall)! },
                monotonic: { UInt64(self.monotonic) * 1_000_000 })
        }
    }

    private static let year: Int64 = 365 * 86_400_000

    @Test("Usually it is the system's clock")
    func usual() {
        let clocks = Clocks()
        let clock = clocks.clock()
        #expect(clock.now() == clocks.wall)
        for step in [1, 20, 60_000, 0, 86_400_000] as [Int64] {
            clocks.advance(step)
            #expect(clock.now() == clocks.wall)
        }
    }

    @Test("A clock that jumps ahead by years costs an hour a minute, however often it is asked")
    func ahead() {
        let clocks = Clocks()
        let clock = clocks.clock()
        let start = clock.now()
        clocks.wall += 10 * Self.year
        #expect(clock.now() == start)
        for _ in 0..<60_000 {
            clocks.advance(1)
            _ = clock.now()
        }
        #expect(clock.now() == start + 3_600_000)
        // The clock was corrected: it stands still until the system's clock has caught up.
        clocks.wall -= 10 * Self.year
        #expect(clock.now() == start + 3_600_000)
        clocks.advance(3_600_000 - 60_000 + 5)
        #expect(clock.now() == start + 3_600_005)
    }

    @Test("It never goes back, and a time that it stood still for is not made up for at once")
    func behind() {
        let clocks = Clocks()
        let clock = clocks.clock()
        let start = clock.now()
        clocks.wall -= Self.year
        clocks.advance(3_600_000)
        #expect(clock.now() == start)
        clocks.wall += 2 * Self.year
        clocks.advance(1)
        #expect(clock.now() == start + 60)
    }

    @Test("At a start it continues from the last row, whatever the system's clock")
    func start() {
        let clocks = Clocks()
        let ahead = clocks.clock(last: clocks.wall + Self.year)
        #expect(ahead.now() == clocks.wall + Self.year)
        let behind = clocks.clock(last: clocks.wall - Self.year)
        #expect(behind.now() == clocks.wall - Self.year)
        clocks.advance(1_000)
        #expect(behind.now() == clocks.wall - 1_000 - Self.year + 60_000)
    }
}
