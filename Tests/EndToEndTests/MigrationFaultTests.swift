import Foundation
import TestSupport
import Testing

/// A migration that is killed, loses power or fails at any of its changes to the files leaves one
/// version or the other, with every row.
@Suite("Migrations that are broken off", .ofFile(.migration))
struct MigrationFaultTests {
    /// The number of moments tried; `LOGBOOK_MIGRATION_FAULTS=10000` tries all.
    private static let moments = Rounds.number("MIGRATION_FAULTS", default: 40)
    private static let rowCount = 400

    /// A file of `version`, with its rows.
    private func template(_ version: Int, in folder: TemporaryFolder) throws -> (String, [String]) {
        let path = folder.file("template.db")
        let script = BuiltProgram.repository.appendingPathComponent(
            "Tests/Golden/version\(version).sql"
        ).path
        let rows = Version1.rows(Self.rowCount).replacing(
            "INTO events SELECT", with: "INTO events (\(Version1.columns)) SELECT")
        _ = try Command.output(
            "sqlite3", "-bail", "-batch", path, ".read '\(script)'", rows)
        return (path, try Command.sqlite(path, "SELECT id FROM events"))
    }

    @Test(
        "At every change to the files",
        arguments: [FaultyDisk.Action.kill, .cut, .inputOutputError, .noSpace], [1])
    func brokenOff(_ action: FaultyDisk.Action, _ version: Int) throws {
        let folder = try TemporaryFolder()
        let template = try template(version, in: folder)
        let changes = try changesOfMigration(template)
        var generator = SeededGenerator(seed: UInt64(version))
        let moments =
            changes <= Self.moments
            ? Array(1...changes)
            : (0..<Self.moments).map { _ in .random(in: 1...changes, using: &generator) }
        var missed = 0
        for at in moments {
            var disk = FaultyDisk(seed: at)
            disk.fault = FaultyDisk.Fault(kind: .change, at: at, action: action)
            var run = try FaultRun(template: template)
            try run.run(disk, name: "m")
            // Work beside the writer varies the number of calls, so the last faults may not occur.
            guard run.hasFired else {
                missed += 1
                continue
            }
            #expect(run.wasKilled == (action == .kill || action == .cut), "\(at): \(run.log)")
            // As seen by the sqlite3 program, which replays a journal like any program.
            #expect(try run.contradictions() == [], "\(disk.fault!)")
            // A replay by another program does not make the file a refused one.
            let recorded = "SELECT max(version) FROM schema_version"
            let found =
                try action == .kill
                ? Command.sqlite(run.path, recorded) : Command.sqlite(ofCopy: run.path, recorded)
            #expect((Int(found[0]) ?? 0) >= version, "\(disk.fault!)")
            let again = try LogbookProcess(in: run.folder)
            #expect(!again.log.contains("initialized"), "\(disk.fault!): \(again.log)")
            let events = try again.walk("limit=1000").map(\.id)
            try again.stop()
            #expect(run.acknowledgements.contradictions(events) == [], "\(disk.fault!)")
        }
        #expect(missed <= moments.count / 4)
    }

    /// Counts the changes in a run without faults.
    private func changesOfMigration(_ template: (String, [String])) throws -> Int {
        var low = 1
        var high = 4_096
        while low < high {
            let middle = (low + high) / 2
            var disk = FaultyDisk()
            disk.fault = FaultyDisk.Fault(kind: .change, at: middle, action: .kill)
            var run = try FaultRun(template: template)
            try run.run(disk, name: "m")
            if run.hasFired { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }
}
