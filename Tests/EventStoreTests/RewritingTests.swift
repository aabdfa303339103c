import Foundation
import SQLite
import Testing

@testable import EventStore

/// Files get checksums on their way to version 4: a new file takes the old one's place.
@Suite("Rewriting a file with checksums")
struct RewritingTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("events.db")
    }

    private func hasChecksums(_ path: String) throws -> Bool {
        try Connection(path, .readOnly).hasChecksums
    }

    private func content(_ path: String) throws -> [String] {
        try rows(path, "SELECT \(EventTable.columns) FROM events ORDER BY seq")
    }

    /// A file of an older version, in WAL mode as a server leaves it.
    private func make(version: Int = 3) throws {
        try makeVersion1(path, events: 3_000)
        guard version > 1 else { return }
        _ = try manager(path, Migration.all.prefix(version)).prepare { _ in }
        try Connection(path, .readWrite).execute("PRAGMA journal_mode=WAL")
    }

    @Test("A new file has checksums from version 4 on", arguments: Migration.all.indices)
    func new(index: Int) throws {
        let version = index + 1
        _ = try manager(path, Migration.all.prefix(version)).prepare { _ in }
        #expect(try hasChecksums(path) == (version >= 4))
    }

    @Test("An older file gets them, and keeps its rows and permissions", arguments: [1, 2, 3])
    func older(version: Int) throws {
        try make(version: version)
        #expect(try !hasChecksums(path))
        #expect(chmod(path, 0o640) == 0)
        let before = try rows(path, "SELECT id, title, created_at FROM events ORDER BY rowid")
        try makeLatest(path)
        #expect(try hasChecksums(path))
        #expect(try rows(path, "PRAGMA auto_vacuum") == ["2"])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        #expect(
            try rows(path, "SELECT id, title, created_at FROM events ORDER BY seq") == before)
        var file = stat()
        #expect(stat(path, &file) == 0 && file.st_mode & 0o7777 == 0o640)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path("")) == ["events.db"])
    }

    @Test("Where version 4 fails after it, the file is one of version 3, with checksums")
    func laterFailure() throws {
        try make()
        try Connection(path, .readWrite).execute("ALTER TABLE search_config RENAME TO mine")
        let before = try content(path)
        #expect(throws: SchemaError.self) { try makeLatest(path) }
        #expect(try hasChecksums(path))
        #expect(try rows(path, "SELECT max(version) FROM schema_version") == ["3"])
        #expect(try rows(path, "PRAGMA integrity_check") == ["ok"])
        #expect(try content(path) == before)
        try Connection(path, .readWrite).execute("ALTER TABLE mine RENAME TO search_config")
        try makeLatest(path)
        #expect(try content(path) == before)
    }

    @Test("A file that another process reads is not taken from under it")
    func inUse() throws {
        try make()
        let other = try Connection(path, .readOnly)
        try other.execute("BEGIN; SELECT count(*) FROM events")
        let before = try content(path)
        #expect(throws: SchemaError.self) { try makeLatest(path) }
        #expect(try !hasChecksums(path))
        #expect(try content(path) == before)
        try other.execute("COMMIT")
    }

    @Test("A file of the latest version without checksums, as .dump makes one, gets them")
    func dumped() throws {
        try make()
        do {
            let connection = try Connection(path, .readWrite)
            try connection.execute(
                """
                INSERT INTO schema_version VALUES (4, 'now', 'Checksums of pages');
                INSERT INTO search (search, rank) VALUES ('pgsz', 4040)
                """)
        }
        let before = try content(path)
        let log = LogRecorder()
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(try hasChecksums(path))
        #expect(try content(path) == before)
        #expect(
            log.messages.last
                == "Using existing database with schema version \(Migration.latest)")
    }

    // MARK: Looking for damage

    private func check() throws -> DatabaseCheck {
        try DatabaseCheck(of: path, logger: LogRecorder().logger, now: testMoment)
    }

    @Test("A whole file is whole, also while it is written")
    func whole() async throws {
        let store = try TestStore()
        _ = await store.repository.append([try event(["id": "a"])])
        let check = try DatabaseCheck(
            of: store.path, logger: LogRecorder().logger, now: testMoment)
        #expect(check.findings == [])
        #expect(check.events == 1)
        #expect(check.version == Migration.latest)
        #expect(check.hasChecksums)
    }

    @Test("Each damaged page is named")
    func pages() throws {
        try make()
        try makeLatest(path)
        let file = try FileHandle(forUpdating: URL(filePath: path))
        for page in [7, 30] {
            try file.seek(toOffset: UInt64(page - 1) * 4096 + 100)
            try file.write(contentsOf: Data("damage".utf8))
        }
        try file.close()
        let named = [7, 30].map { "page \($0) does not match its checksum" }
        #expect(try check().findings == named)
    }

    @Test("An index without its row is found, checksums or not", arguments: [false, true])
    func contradiction(isLatest: Bool) throws {
        try make()
        if isLatest { try makeLatest(path) }
        // The table's root goes to the index, and what SQLite then writes is in order for each page.
        try Connection(path, .readWrite).execute(
            """
            PRAGMA writable_schema=ON;
            UPDATE sqlite_master SET sql = replace(sql, 'created_at)', 'title)')
              WHERE name = 'idx_events_created';
            PRAGMA writable_schema=RESET
            """)
        let check = try check()
        #expect(!check.findings.isEmpty)
        #expect(check.findings.allSatisfy { $0.contains("idx_events_created") })
        #expect(check.hasChecksums == isLatest)
    }

    @Test("What is no database of ours is refused, not called damaged")
    func foreign() throws {
        try Data("no database at all, but a text".utf8).write(to: URL(filePath: path))
        #expect(throws: SchemaError.self) { try check() }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: SchemaError.self) { try check() }
    }
}
