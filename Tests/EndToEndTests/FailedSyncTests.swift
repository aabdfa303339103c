import Foundation
import TestSupport
import Testing

/// Linux reports a failed sync once and then treats the lost pages as clean, so nothing may
/// continue after one of the database file.
@Suite("A failed sync", .ofFile(.disk))
struct FailedSyncTests {
    private static let ended = "A sync of the database file failed, so the process ends"

    @Test("Of the database file ends the process, and the next start has every acknowledged event")
    func ends() throws {
        var ends = 0
        for at in 1...100 {
            var disk = FaultyDisk()
            disk.fault = FaultyDisk.Fault(kind: .sync, at: at, action: .inputOutputError)
            var run = try FaultRun()
            try run.run(disk, name: "s")
            #expect(run.log.contains(Self.ended) == (run.status == 74), "sync \(at): \(run.log)")
            ends += run.status == 74 ? 1 : 0
            let again = try LogbookProcess(in: run.folder)
            let found = try again.walk("limit=1000").map(\.id)
            try again.stop()
            #expect(run.acknowledgements.contradictions(found) == [], "sync \(at): \(run.log)")
            guard run.hasFired else { break }
        }
        #expect(ends > 0)
    }

    @Test("A start on a disk that still syncs nothing serves reads, and stores once it does")
    func waits() throws {
        let folder = try TemporaryFolder()
        let first = try LogbookProcess(in: folder)
        #expect(try first.post(NewEvent(id: "a").json).status == 201)
        // Leaves content in the WAL to be moved into the file.
        first.kill()
        _ = try first.waitForExit()
        var disk = FaultyDisk()
        disk.fault = FaultyDisk.Fault(
            kind: .sync, at: 1, action: .inputOutputError, count: 1_000_000)
        disk.cure = folder.file("cure")
        let server = try LogbookProcess(
            in: folder, environment: disk.environment(of: folder.file("logbook.db")),
            awaitsReady: false)
        try server.logLine(containing: "cannot be synced")
        let client = try server.connect()
        while try client.exchange("GET", "/readyz").status != 200 { usleep(1_000) }
        #expect(try client.exchange("GET", "/events/a").status == 200)
        #expect(try client.exchange("GET", "/readyz").text.contains(#""writable":false"#))
        #expect(try server.post(NewEvent(id: "b").json).status == 503)
        #expect(try client.exchange("DELETE", "/events/a").status == 503)
        // It retries once a second, and a checkpoint while idle would come as often.
        usleep(2_500_000)
        #expect(try client.exchange("GET", "/events/a").status == 200, "\(server.log)")
        try Data().write(to: URL(filePath: folder.file("cure")))
        try server.logLine(containing: "Writing works again")
        #expect(try server.post(NewEvent(id: "b").json).status == 201)
        try server.stop()
    }
}
