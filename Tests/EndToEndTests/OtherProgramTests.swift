import Foundation
import TestSupport
import Testing

/// The file is a plain SQLite file: any program may read and checkpoint it.
@Suite("Another SQLite program", .ofFile(.content))
struct OtherProgramTests {
    /// An operator who looks at the file after a crash: `sqlite3` moves the WAL into the file when
    /// it ends, even after a SELECT.
    @Test("May move the WAL into the file after a kill")
    func afterKill() throws {
        let folder = try TemporaryFolder()
        var all = Acknowledgements()
        for round in 0..<3 {
            let server = try LogbookProcess(in: folder)
            let crowd = try BatchingCrowd(of: 6, prefix: "r\(round)", seed: 1, to: server)
            try crowd.awaitAcknowledged(400)
            server.kill()
            _ = try server.waitForExit()
            all.merge(try crowd.awaitEnd())
            try Command.sqlite(folder.file("logbook.db"), "SELECT count(*) FROM events")
            #expect(!FileManager.default.fileExists(atPath: folder.file("logbook.db-wal")))
            let check = try Command(
                BuiltProgram.path, ["check", "--database", folder.file("logbook.db")])
            #expect(check.status == 0, "\(check.output)")
        }
        let server = try LogbookProcess(in: folder)
        #expect(all.contradictions(try server.walk("limit=1000").map(\.id)) == [])
        try server.stop()
        #expect(try all.contradictions(inFile: folder.file("logbook.db")) == [])
    }

    @Test("May checkpoint while the server runs")
    func beside() throws {
        let server = try LogbookProcess()
        for number in 0..<5 {
            #expect(try server.post(NewEvent(id: "a\(number)").json).status == 201)
            try Command.sqlite(server.database, "PRAGMA wal_checkpoint")
            #expect(try server.exchange("GET", "/events/a\(number)").status == 200)
        }
        #expect(try server.walk("limit=100").count == 5)
        try server.stop()
    }
}
