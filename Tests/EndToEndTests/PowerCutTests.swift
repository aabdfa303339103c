import Foundation
import TestSupport
import Testing

/// The power fails: unsynced data is partly lost or torn. Nothing acknowledged is.
@Suite("A power cut", .ofFile(.disk))
struct PowerCutTests {
    /// The number of cuts, each at another moment.
    private static let rounds = Rounds.number("POWER_CUTS", default: 60)
    /// The changes to the files in a full run, and a few more.
    private static let changes = 170

    @Test("At any change to the files, from the first start on")
    func anywhere() throws {
        for seed in 0..<Self.rounds {
            var generator = SeededGenerator(seed: UInt64(seed))
            var disk = FaultyDisk(seed: seed)
            disk.fault = FaultyDisk.Fault(
                kind: .change, at: .random(in: 1...Self.changes, using: &generator), action: .cut)
            var run = try FaultRun()
            try run.run(disk, name: "a")
            #expect(run.status == (run.hasFired ? 137 : 0), "seed \(seed): \(run.log)")
            try expectWhole(run, "seed \(seed), \(disk.fault!)")
        }
    }

    @Test("Twice, the second time over what the first one left")
    func twice() throws {
        for seed in 0..<Self.rounds / 2 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var run = try FaultRun()
            for name in ["a", "b"] {
                var disk = FaultyDisk(seed: seed)
                disk.fault = FaultyDisk.Fault(
                    kind: .change, at: .random(in: 20...100, using: &generator), action: .cut)
                try run.run(disk, name: name)
            }
            try expectWhole(run, "seed \(seed)")
        }
    }

    /// Linux reports a failed sync once and forgets the data it did not save. A writer that syncs
    /// again and then acknowledges has acknowledged data that is not on the disk.
    ///
    /// - Parameter reserve: one of two pages makes each commit's pages move into the file beside
    ///   the next commit.
    @Test("After a sync that failed, at the end of the run", arguments: [nil, 8192])
    func afterFailedSync(reserve: Int?) throws {
        for seed in 0..<Self.rounds {
            var generator = SeededGenerator(seed: UInt64(seed))
            var run = try FaultRun()
            var disk = FaultyDisk(seed: seed)
            disk.fault = FaultyDisk.Fault(
                kind: .sync, at: .random(in: 8...(reserve == nil ? 40 : 70), using: &generator),
                action: .inputOutputError,
                count: .random(in: 1...3, using: &generator))
            disk.cutsOnce = run.folder.file("cut")
            try run.run(disk, name: "a", reserve: reserve)
            try expectWhole(run, "seed \(seed), \(disk.fault!)")
        }
    }

    private func expectWhole(_ run: FaultRun, _ what: String) throws {
        let again = try LogbookProcess(in: run.folder)
        let found = try again.walk("limit=1000").map(\.id)
        let next = NewEvent(id: "next", objectName: "fault").json
        #expect(try again.post(next).status == 201, "\(what)")
        try again.stop()
        #expect(run.acknowledgements.contradictions(found) == [], "\(what): \(run.log)")
        #expect(try run.contradictions() == [], "\(what)")
    }
}
