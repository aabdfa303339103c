import Foundation
import TestSupport
import Testing

/// Files that must not be touched: exit 3, and every byte unchanged.
@Suite("Files that are refused")
struct RefusalTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("logbook.db")
    }

    /// Starts the program on the file, and expects it to refuse in words that contain `words` and
    /// to leave behind only its lock.
    private func expectRefusal(
        _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let lock = "logbook.db.lock"
        let before = try folder.contents().filter { $0.key != lock }
        let command = try Command(
            BuiltProgram.path, ["serve", "--listen", "127.0.0.1:0", "--database", path])
        #expect(command.status == 3, "\(command.errors)", sourceLocation: sourceLocation)
        for word in words + [path] {
            #expect(
                command.errors.contains(word), "\(word) in \(command.errors)",
                sourceLocation: sourceLocation)
        }
        let after = try folder.contents().filter { $0.key != lock }
        #expect(
            after.keys.sorted() == before.keys.sorted(), "no new files",
            sourceLocation: sourceLocation)
        #expect(after == before, "not one byte changed", sourceLocation: sourceLocation)
    }

    private func overwrite(_ bytes: Data, at offset: UInt64) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: bytes)
        try file.close()
    }

    @Test("A newer version is refused, both versions named", arguments: ["delete", "wal"])
    func newer(_ journal: String) throws {
        try Version1.make(
            path,
            """
            \(Version1.rows(50)) PRAGMA journal_mode=\(journal);
            INSERT INTO schema_version VALUES (99, '2030-01-01T00:00:00.000Z', 'From the future');
            PRAGMA application_id=1282369346;
            """)
        try expectRefusal(["version 99", "up to 2"])
    }

    @Test("A newer version is refused with the WAL that a killed process left, which stays, too")
    func newerWithWAL() throws {
        let source = folder.file("source.db")
        try Version1.make(source, Version1.rows(50))
        // Copied while the other program has it open, so the WAL's content is not in the file.
        _ = try Command.output(
            "sqlite3", "-bail", "-batch", source, "PRAGMA journal_mode=wal",
            "INSERT INTO schema_version VALUES (99, '2030-01-01T00:00:00.000Z', 'The future'); PRAGMA application_id=1282369346",
            ".shell cp \(source) \(path)", ".shell cp \(source)-wal \(path)-wal")
        try FileManager.default.removeItem(atPath: source)
        #expect(try folder.contents()["logbook.db-wal"]??.isEmpty == false)
        try expectRefusal(["version 99", "up to 2"])
    }

    @Test("A newer version with other tables is refused as newer")
    func newerAltogether() throws {
        try Command.sqlite(
            path,
            """
            CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT, description TEXT);
            INSERT INTO schema_version VALUES (9, 'x', 'y'); PRAGMA application_id=1282369346; CREATE TABLE things (a);
            """)
        try expectRefusal(["version 9", "up to 2"])
    }

    @Test("Text is not a database")
    func text() throws {
        let text = String(repeating: "This is not a database, but a note.\n", count: 200)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try expectRefusal(["not an SQLite database"])
    }

    @Test("A file of a few bytes is not a database", arguments: [1, 15, 16, 99, 100])
    func tiny(_ count: Int) throws {
        let bytes = Data("SQLite format 3\0".utf8) + Data(repeating: 0, count: 100)
        try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
        try expectRefusal([])
    }

    @Test("A truncated file is damaged", arguments: [2, 3])
    func truncated(_ divisor: Int) throws {
        try Version1.make(path, Version1.rows(5_000))
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.truncate(atOffset: UInt64(size / divisor))
        try file.close()
        try expectRefusal(["damaged"])
    }

    @Test(
        "A page of garbage is damage",
        arguments: ["events", "schema_version", "idx_events_created", "sqlite_autoindex_events_1"])
    func garbage(_ tree: String) throws {
        try Version1.make(path, Version1.rows(5_000))
        let page = try #require(
            try Command.sqlite(path, "SELECT rootpage FROM sqlite_master WHERE name='\(tree)'")
                .first.flatMap { UInt64($0) })
        try overwrite(Data(repeating: 0xA5, count: 4096), at: (page - 1) * 4096)
        try expectRefusal(["damaged"])
    }

    @Test("A page of garbage in a file that needs no migration is damage, too", .ofFile(.content))
    func garbageInLatest() throws {
        let server = try LogbookProcess(in: folder)
        try server.store(
            (0..<200).map { NewEvent(id: "e\($0)", createdAt: "2026-01-01T00:00:00Z") })
        try server.stop()
        for leftover in ["-wal", "-shm"] {
            #expect(!FileManager.default.fileExists(atPath: path + leftover))
        }
        let page = try #require(
            try Command.sqlite(path, "SELECT rootpage FROM sqlite_master WHERE name='events'")
                .first.flatMap { UInt64($0) })
        try overwrite(Data(repeating: 0xA5, count: 4096), at: (page - 1) * 4096)
        try expectRefusal(["damaged"])
    }

    @Test("A damaged header means not a database, or damage")
    func header() throws {
        try Version1.make(path, Version1.rows(10))
        try overwrite(Data(repeating: 0, count: 100), at: 0)
        try expectRefusal([])
    }

    @Test(
        "A table events that version 1 does not explain is refused, its columns named",
        arguments: [
            "CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT, colour TEXT)",
            "CREATE TABLE events (id TEXT PRIMARY KEY, event_type TEXT, colour TEXT)",
            "CREATE VIEW events AS SELECT 1 AS colour",
        ])
    func foreignTable(_ definition: String) throws {
        try Command.sqlite(path, definition)
        try expectRefusal(definition.contains("VIEW") ? [] : ["colour"])
    }

    @Test("Version 1 with a column more or less is refused", arguments: ["extra", "missing"])
    func otherColumns(_ kind: String) throws {
        try Version1.make(
            path,
            kind == "extra"
                ? "ALTER TABLE events ADD COLUMN colour TEXT"
                : "DROP INDEX idx_events_object; ALTER TABLE events DROP COLUMN object_name")
        try expectRefusal(["schema version 1"])
    }

    @Test("Version 1 without its table is refused")
    func withoutTable() throws {
        try Version1.make(path, "DROP TABLE events")
        try expectRefusal(["schema version 1"])
    }

    @Test(
        "Another program's schema_version is refused",
        arguments: ["version, name", "number", "version"])
    func foreignLedger(_ columns: String) throws {
        try Command.sqlite(path, "CREATE TABLE schema_version (\(columns))")
        try expectRefusal(["schema_version"])
    }

    @Test("A folder and a missing folder are refused")
    func noFile() throws {
        let below = try TemporaryFolder()
        let folderCase = try Command(
            BuiltProgram.path,
            ["serve", "--listen", "127.0.0.1:0", "--database", below.path + "/."])
        #expect(folderCase.status == 3, "\(folderCase.errors)")
        let missing = below.file("none/logbook.db")
        let command = try Command(
            BuiltProgram.path, ["serve", "--listen", "127.0.0.1:0", "--database", missing])
        #expect(command.status == 3)
        #expect(command.errors.contains(missing))
    }
}
