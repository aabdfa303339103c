import Foundation
import TestSupport
import Testing

@Suite("Backup and restore", .ofFile(.backup))
struct BackupTests {
    private func logbook(_ arguments: String...) throws -> Command {
        try Command(BuiltProgram.path, arguments)
    }

    private func ids(_ database: String) throws -> Set<String> {
        Set(try Command.sqlite(database, "SELECT id FROM events"))
    }

    private func acknowledged(_ crowd: PostingCrowd, _ count: Int) throws -> [String] {
        try crowd.awaitAcknowledged(count)
        return crowd.acknowledged
    }

    @Test(
        "A copy by the server, made while events come in, is whole and holds all acknowledged before it"
    )
    func online() throws {
        let server = try LogbookProcess()
        let crowd = try PostingCrowd(of: 8, prefix: "b", to: server)
        let before = try acknowledged(crowd, 500)
        let copy = server.folder.file("copy.db")
        let backup = try logbook("backup", "--server", server.url, "--output", copy)
        #expect(backup.status == 0, "\(backup.errors)")
        let after = try acknowledged(crowd, before.count + 500)
        try server.stop()
        _ = try crowd.awaitEnd()

        #expect(try Command.sqlite(copy, "PRAGMA integrity_check") == ["ok"])
        let copied = try ids(copy)
        #expect(Set(before).isSubset(of: copied))
        #expect(copied.isSubset(of: try ids(server.database)))
        #expect(after.count > before.count)
        #expect(backup.output.contains("\(copied.count) events, schema version 2"))
        // Nothing is left behind on either side.
        let names = try FileManager.default.contentsOfDirectory(atPath: server.folder.path)
        #expect(
            !names.contains { $0.contains("unfinished") || $0.hasSuffix(".backup") }, "\(names)")
    }

    @Test("A copy of the file itself, while a server writes it, is whole as well")
    func ofLiveFile() throws {
        let server = try LogbookProcess()
        let crowd = try PostingCrowd(of: 8, prefix: "f", to: server)
        let before = try acknowledged(crowd, 500)
        let copy = server.folder.file("copy.db")
        let backup = try logbook("backup", "--database", server.database, "--output", copy)
        #expect(backup.status == 0, "\(backup.errors)")
        try server.stop()
        _ = try crowd.awaitEnd()
        #expect(try Command.sqlite(copy, "PRAGMA integrity_check") == ["ok"])
        let copied = try ids(copy)
        #expect(Set(before).isSubset(of: copied))
        #expect(copied.isSubset(of: try ids(server.database)))
        // The copied file is undamaged.
        #expect(try Command.sqlite(server.database, "PRAGMA integrity_check") == ["ok"])
    }

    @Test("A restored copy serves what it held, and the old file stays beside it")
    func restore() throws {
        let server = try LogbookProcess()
        try server.store([NewEvent(id: "kept")])
        let copy = server.folder.file("copy.db")
        #expect(try logbook("backup", "--server", server.url, "--output", copy).status == 0)
        try server.store([NewEvent(id: "later")])

        let early = try logbook("restore", "--from", copy, "--database", server.database)
        #expect(early.status == 3)
        #expect(early.errors.contains("in use"))
        #expect(try server.exchange("GET", "/events/later").status == 200)

        server.kill()
        _ = try server.waitForExit()
        let restored = try logbook("restore", "--from", copy, "--database", server.database)
        #expect(restored.status == 0, "\(restored.errors)")
        let again = try LogbookProcess(in: server.folder)
        try again.awaitReady()
        #expect(try again.exchange("GET", "/events/kept").status == 200)
        #expect(try again.exchange("GET", "/events/later").status == 404)
        let names = try FileManager.default.contentsOfDirectory(atPath: server.folder.path)
        let old = try #require(names.first { $0.contains(".before-") })
        #expect(try ids(server.folder.file(old)) == ["kept", "later"])
    }

    @Test("An incomplete copy is refused, and the database is unchanged")
    func refused() throws {
        let server = try LogbookProcess()
        try server.store((0..<500).map { NewEvent(id: "e\($0)") })
        let copy = server.folder.file("copy.db")
        #expect(try logbook("backup", "--server", server.url, "--output", copy).status == 0)
        try server.stop()
        let whole = try Data(contentsOf: URL(filePath: copy))
        let before = try Data(contentsOf: URL(filePath: server.database))
        for broken in [Data(), whole.prefix(whole.count / 2), Data("no database".utf8)] {
            try broken.write(to: URL(filePath: copy))
            let restored = try logbook("restore", "--from", copy, "--database", server.database)
            #expect(restored.status != 0)
            #expect(!restored.errors.isEmpty)
        }
        #expect(try Data(contentsOf: URL(filePath: server.database)) == before)
        let missing = try logbook(
            "backup", "--database", server.folder.file("none"), "--output", copy)
        #expect(missing.status == 3)
        #expect(!FileManager.default.fileExists(atPath: server.folder.file("none")))
        let nothing = try logbook(
            "restore", "--from", server.folder.file("none"), "--database",
            server.folder.file("new.db"))
        #expect(nothing.status == 3)
        #expect(nothing.errors.contains("Cannot open \(server.folder.file("none"))"))
        #expect(!FileManager.default.fileExists(atPath: server.folder.file("new.db.lock")))
    }

    @Test("A failed copy leaves the previous one")
    func keepsLast() throws {
        let server = try LogbookProcess()
        let copy = server.folder.file("copy.db")
        #expect(try logbook("backup", "--server", server.url, "--output", copy).status == 0)
        let first = try Data(contentsOf: URL(filePath: copy))
        try server.stop()
        let gone = try logbook("backup", "--server", server.url, "--output", copy)
        #expect(gone.status == 1)
        #expect(gone.errors.contains("cannot connect"))
        #expect(try Data(contentsOf: URL(filePath: copy)) == first)
    }
}
