import Foundation
import Testing

/// After a kill the `sqlite3` program moves the WAL into the file as it ends, even after a SELECT, and
/// makes no checksums. What follows must neither refuse the file nor take damage for in order.
@Suite("A WAL that another program moved into the file", .serialized)
struct ForeignCheckpointTests {
    /// How many moments of the sealing are tried; `LOGBOOK_SEALING_FAULTS=10000` tries all.
    private static let moments = Rounds.number("SEALING_FAULTS", default: 25)
    private static let pageBytes = 4096
    private static let sealed = "its content is in order"

    private let folder: TemporaryFolder
    private var path: String { folder.file("logbook.db") }
    private var mark: String { path + "-unsealed" }
    private var isMarked: Bool { FileManager.default.fileExists(atPath: mark) }

    init() throws { folder = try TemporaryFolder() }

    /// Kills a server under load; returns what it had acknowledged.
    private func killUnderLoad(_ name: String) throws -> Acknowledgements {
        let server = try LogbookProcess(in: folder)
        let crowd = try BatchingCrowd(of: 6, prefix: name, seed: 1, to: server)
        try crowd.awaitAcknowledged(400)
        server.kill()
        _ = try server.waitForExit()
        #expect(isMarked)
        return try crowd.awaitEnd()
    }

    /// What an operator does after a crash, who only wants to look.
    private func look() throws {
        try Command.sqlite(path, "SELECT count(*) FROM events")
        #expect(isMarked)
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    }

    private func expectAll(
        _ acknowledgements: Acknowledgements, in other: TemporaryFolder? = nil, _ what: String = ""
    ) throws {
        let folder = other ?? folder
        let server = try LogbookProcess(in: folder)
        let found = try server.walk("limit=1000").map(\.id)
        #expect(acknowledgements.contradictions(found) == [], "\(what)")
        #expect(try server.post(NewEvent().json).status == 201)
        try server.stop()
        #expect(!FileManager.default.fileExists(atPath: server.database + "-unsealed"), "\(what)")
        let check = try Command(BuiltProgram.path, ["check", "--database", server.database])
        #expect(check.status == 0, "\(what): \(check.output)")
    }

    private func check(_ flags: String...) throws -> Command {
        try Command(BuiltProgram.path, ["check", "--database", path] + flags)
    }

    private func refusal() throws -> String {
        let serve = try Command(
            BuiltProgram.path, ["serve", "--listen", "127.0.0.1:0", "--database", path])
        #expect(serve.status == 3, "\(serve.errors)")
        return serve.errors
    }

    // MARK: After a kill

    @Test("Is sealed at the next start, with every acknowledged event and a warning")
    func sealed() throws {
        var all = Acknowledgements()
        for round in 0..<3 {
            all.merge(try killUnderLoad("r\(round)"))
            try look()
            let before = try check()
            #expect(before.status == 1)
            #expect(before.output.contains("does not match its checksum"), "\(before.output)")
            let server = try LogbookProcess(in: folder)
            try server.logLine(containing: Self.sealed)
            try server.stop()
            try expectAll(all)
        }
    }

    @Test("A start that goes on with its own WAL says nothing of it")
    func own() throws {
        let all = try killUnderLoad("o")
        let server = try LogbookProcess(in: folder)
        #expect(!server.log.contains(Self.sealed))
        try server.stop()
        try expectAll(all)
    }

    @Test(
        "The sealing may be broken off",
        arguments: [FaultyDisk.Action.kill, .cut, .inputOutputError])
    func brokenOff(_ action: FaultyDisk.Action) throws {
        let all = try killUnderLoad("b")
        try look()
        let before = try folder.contents().filter { !$0.key.hasSuffix(".reserve") }
        var generator = SeededGenerator(seed: 8)
        var at = 0
        while true {
            at += 1
            guard at <= 3 || Int.random(in: 0..<100, using: &generator) < Self.moments else {
                continue
            }
            let copy = try TemporaryFolder()
            for (name, bytes) in before { try bytes.write(to: URL(filePath: copy.file(name))) }
            var disk = FaultyDisk(seed: at)
            disk.fault = FaultyDisk.Fault(kind: .change, at: at, action: action)
            let faulty = try Command(
                BuiltProgram.path, ["check", "--reseal", "--database", copy.file("logbook.db")],
                environment: disk.environment(of: copy.file("logbook.db")))
            try expectAll(all, in: copy, "\(disk.fault!)")
            guard faulty.errors.contains("fault: ") else { return }
        }
    }

    @Test("What commands say of it before a server has been there")
    func offline() throws {
        _ = try killUnderLoad("c")
        try look()
        let list = try Command(BuiltProgram.path, ["events", "list", "--database", path])
        #expect(list.status != 0)
        #expect(list.errors.contains("check --reseal"), "\(list.errors)")
        let backup = try Command(
            BuiltProgram.path,
            ["backup", "--database", path, "--output", folder.file("copy.db")])
        #expect(backup.status != 0)
        #expect(!FileManager.default.fileExists(atPath: folder.file("copy.db")))
        let sealed = try check("--reseal")
        #expect(sealed.status == 0, "\(sealed.errors)")
        #expect(sealed.output.contains("pages sealed"))
        #expect(!isMarked)
        #expect(try Command(BuiltProgram.path, ["events", "list", "--database", path]).status == 0)
    }

    // MARK: Damage

    /// Spoils the header of the tree's page that is the root of `name`.
    private func damage(rootOf name: String) throws {
        let root = try Command.sqlite(
            path, "SELECT rootpage FROM sqlite_master WHERE name = '\(name)'")
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: UInt64((Int(root[0])! - 1) * Self.pageBytes + 5))
        try file.write(contentsOf: Data([0x10, 0x01]))
        try file.close()
    }

    @Test(
        "Is not sealed where the file contradicts itself", arguments: ["events", "idx_events_id"])
    func damaged(_ name: String) throws {
        _ = try killUnderLoad("d")
        try look()
        try damage(rootOf: name)
        let before = try folder.contents()
        for _ in 0..<2 { #expect(try refusal().contains("is damaged")) }
        let reseal = try check("--reseal")
        #expect(reseal.status == 3)
        #expect(reseal.errors.contains("is damaged"), "\(reseal.errors)")
        #expect(try folder.contents()["logbook.db"] == before["logbook.db"])
        #expect(isMarked)
    }

    // MARK: On purpose

    @Test("A file at rest that another program changed is refused, and sealed by hand")
    func onPurpose() throws {
        let server = try LogbookProcess(in: folder)
        try server.store((0..<50).map { NewEvent(id: "e\($0)") })
        try server.stop()
        #expect(!isMarked)
        try Command.sqlite(path, "DELETE FROM events WHERE id = 'e7'")
        #expect(!isMarked)
        #expect(try refusal().contains("logbook check --reseal --database \(path)"))
        let sealed = try check("--reseal")
        #expect(sealed.status == 0, "\(sealed.errors)")
        let again = try LogbookProcess(in: folder)
        #expect(try again.walk("limit=100").count == 49)
        #expect(try check("--reseal").status == 3)
    }

    // MARK: Marks

    @Test("A mark that somebody removed leaves the sealing to the operator")
    func removedMark() throws {
        let all = try killUnderLoad("m")
        try look()
        try FileManager.default.removeItem(atPath: mark)
        #expect(try refusal().contains("check --reseal"))
        #expect(try check("--reseal").status == 0)
        try expectAll(all)
    }

    @Test("A mark that is another file's costs a look, and no more")
    func foreignMark() throws {
        let server = try LogbookProcess(in: folder)
        try server.store((0..<50).map { NewEvent(id: "e\($0)") })
        try server.stop()
        let before = try folder.contents()["logbook.db"]
        try Data().write(to: URL(filePath: mark))
        #expect(try check("--reseal").output.contains(" 0 pages sealed"))
        #expect(try folder.contents()["logbook.db"] == before)
        #expect(!isMarked)
    }

    @Test("A backup takes no mark along, and a restored file none over")
    func restored() throws {
        let server = try LogbookProcess(in: folder)
        try server.store([NewEvent(id: "kept")])
        let copy = folder.file("copy.db")
        #expect(
            try Command(
                BuiltProgram.path, ["backup", "--server", server.url, "--output", copy]
            ).status == 0)
        #expect(!FileManager.default.fileExists(atPath: copy + "-unsealed"))
        try server.store([NewEvent(id: "later")])
        server.kill()
        _ = try server.waitForExit()
        try look()
        let restore = try Command(
            BuiltProgram.path, ["restore", "--from", copy, "--database", path])
        #expect(restore.status == 0, "\(restore.errors)")
        #expect(!isMarked)
        let again = try LogbookProcess(in: folder)
        #expect(!again.log.contains(Self.sealed))
        try again.stop()
        // What was there is as it was, its mark included.
        let old = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0.contains(".before-")
        }
        #expect(old.contains { $0.hasSuffix("-unsealed") }, "\(old)")
    }
}
