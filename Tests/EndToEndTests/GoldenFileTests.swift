import Foundation
import TestSupport
import Testing

/// Files of each released schema version open with every row unchanged.
@Suite("Golden files", .ofFile(.version))
struct GoldenFileTests {
    private static let folder = BuiltProgram.repository.appendingPathComponent("Tests/Golden").path

    /// The versions with files here, in order.
    private static let versions: [Int] = {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
                $0.wholeMatch(of: /version([0-9]+)\.sql/).flatMap { Int($0.1) }
            }.sorted()
        } catch {
            preconditionFailure("no golden files: \(error)")
        }
    }()

    private static let rows = "SELECT \(Version1.columns) FROM events ORDER BY rowid"

    @Test(
        "Each opens at the latest version, and so does the copy that is kept", arguments: versions)
    func opens(_ version: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("logbook.db")
        try make(version, path)
        let before = try Command.sqlite(path, Self.rows)
        #expect(before.count >= 6)

        let latest = try expectLatest(folder, "logbook.db", before)
        #expect(latest >= version)
        guard latest > version else { return }
        // A user who goes back takes the copy, with the program that wrote it or with this one.
        let copy = "logbook.db.v\(version).bak"
        #expect(
            try Command.sqlite(folder.file(copy), "SELECT max(version) FROM schema_version") == [
                "\(version)"
            ])
        #expect(try Command.sqlite(folder.file(copy), Self.rows) == before)
        #expect(try expectLatest(folder, copy, before) == latest)
    }

    private func make(_ version: Int, _ path: String) throws {
        let script = "\(Self.folder)/version\(version).sql"
        _ = try Command.output(
            "sqlite3", "-bail", "-batch", path, "PRAGMA auto_vacuum=\(version > 1 ? 2 : 0)",
            ".read '\(script)'")
    }

    /// Opens a file, and returns its version then.
    private func expectLatest(
        _ folder: TemporaryFolder, _ name: String, _ rows: [String]
    ) throws -> Int {
        let server = try LogbookProcess(in: folder, database: name)
        let found = try server.walk("limit=100")
        #expect(found.count == rows.count)
        // The search index of any version is filled as the latest one reads it.
        #expect(try server.walk("object_name=node-1&severity=critical").count == 1)
        #expect(try server.walk("q=node-1").count == 1)
        let version = try server.exchange("GET", "/schema/version").text
        try server.stop()
        let path = folder.file(name)
        #expect(try Command.sqlite(path, Self.rows) == rows)
        #expect(try Command.sqlite(path, "PRAGMA integrity_check") == ["ok"])
        let stored = try Command.sqlite(path, "SELECT max(version) FROM schema_version")
        #expect(version.contains("\"version\":\(stored[0]),\"latest\":\(stored[0])"))
        return try #require(stored.first.flatMap { Int($0) })
    }

    @Test("The latest is what the program makes, with the settings of the search index")
    func latest() throws {
        let folder = try TemporaryFolder()
        let (golden, made) = (folder.file("golden.db"), folder.file("made.db"))
        try make(try #require(Self.versions.last), golden)
        try LogbookProcess(in: folder, database: "made.db").stop()
        for sql in [
            "SELECT type, name, sql FROM sqlite_master ORDER BY type, name",
            "SELECT * FROM search_config ORDER BY k",
        ] {
            let rows = try Command.sqlite(golden, sql)
            #expect(rows.count > 3)
            #expect(try Command.sqlite(made, sql) == rows)
        }
    }

    @Test("There is one of each version")
    func complete() throws {
        let server = try LogbookProcess()
        let version = try server.exchange("GET", "/schema/version").text
        #expect(version.contains("\"latest\":\(Self.versions.last ?? 0),"), "\(version)")
        #expect(Self.versions == Array(1...Self.versions.count))
    }
}
