import Foundation
import TestSupport
import Testing

/// Each call that changes the database's files fails in turn. Nothing acknowledged is lost, and the
/// service continues or answers 503.
@Suite("A disk that fails", .ofFile(.disk))
struct FaultTests {
    /// The number of faults tried out of a thousand; `LOGBOOK_FAULT_SHARE=1000` tries all.
    private static let share = Rounds.number("FAULT_SHARE", default: 60)

    private static let failures: [(FaultyDisk.Kind, FaultyDisk.Action)] = [
        (.open, .inputOutputError), (.open, .noSpace), (.write, .inputOutputError),
        (.write, .noSpace), (.write, .short), (.sync, .inputOutputError), (.sync, .noSpace),
        (.truncate, .inputOutputError), (.truncate, .noSpace), (.unlink, .inputOutputError),
        (.rename, .inputOutputError), (.read, .inputOutputError), (.change, .kill),
    ]

    @Test("Each call fails once, for every call", arguments: failures)
    func once(_ kind: FaultyDisk.Kind, _ action: FaultyDisk.Action) throws {
        try everyCall(kind, action, count: 1)
    }

    @Test(
        "Each call fails, and all that follow",
        arguments: failures.filter { $0.1 != .kill && $0.0 != .read })
    func forGood(_ kind: FaultyDisk.Kind, _ action: FaultyDisk.Action) throws {
        try everyCall(kind, action, count: 1_000_000)
    }

    @Test("Each call fails once while retention removes the oldest events", arguments: failures)
    func retention(_ kind: FaultyDisk.Kind, _ action: FaultyDisk.Action) throws {
        try everyCall(kind, action, count: 1, keeping: 4)
    }

    private func everyCall(
        _ kind: FaultyDisk.Kind, _ action: FaultyDisk.Action, count: Int, keeping most: Int? = nil
    ) throws {
        var generator = SeededGenerator(seed: UInt64(count) &+ UInt64(kind.rawValue.utf8.count))
        var at = 0
        while true {
            at += 1
            guard Int.random(in: 0..<1000, using: &generator) < Self.share else {
                // The number of calls is unknown until one run has made them all.
                if at > 2_000 { return }
                continue
            }
            var disk = FaultyDisk()
            disk.fault = FaultyDisk.Fault(kind: kind, at: at, action: action, count: count)
            var run = try FaultRun(keeping: most)
            try run.run(disk, name: "e")
            try #require(
                FileManager.default.fileExists(atPath: run.path) || run.hasFired, "\(run.log)")
            try expectWhole(run, disk)
            guard run.hasFired else { return }
        }
    }

    private func expectWhole(_ run: FaultRun, _ disk: FaultyDisk) throws {
        let fault = disk.fault!
        if fault.action == .kill {
            #expect(run.status == 137 || !run.hasFired, "\(fault): \(run.log)")
        } else {
            #expect(!run.wasKilled, "\(fault): \(run.log)")
        }
        // The next start finds all it needs, whatever was left behind.
        let again = try LogbookProcess(in: run.folder)
        let found = try again.walk("limit=1000").map(\.id)
        try again.stop()
        #expect(run.acknowledgements.contradictions(found) == [], "\(fault): \(run.log)")
        #expect(try run.contradictions() == [], "\(fault)")
    }
}
