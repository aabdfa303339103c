import CSQLite
import Foundation
import Glibc
import Testing

@testable import SQLite

/// What a database with checksums has beside it while its WAL holds something, and what is found in a
/// WAL that has changed by itself.
@Suite("The WAL of a file with checksums")
struct WALTests {
    private let folder: TemporaryFolder
    private let path: String
    private static let pageBytes = 4096
    private static let frameBytes = 4096 + 24

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("a.db")
    }

    private func exists(_ suffix: String) -> Bool {
        FileManager.default.fileExists(atPath: path + suffix)
    }

    private var isMarked: Bool { exists("-unsealed") }

    private func walBytes() throws -> Int {
        exists("-wal") ? try Data(contentsOf: URL(filePath: path + "-wal")).count : 0
    }

    private func open(_ mode: Connection.Mode = .createWithChecksums) throws -> Connection {
        let connection = try Connection(path, mode)
        try connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
        connection.takeOverCheckpoints()
        return connection
    }

    private func fill(_ connection: Connection, rows: Int = 20) throws {
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS t (x);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
            INSERT INTO t SELECT printf('%1000d', i) FROM n
            """)
    }

    /// What the disk has not kept, though it was moved, a checkpoint that goes on from there would not
    /// write again.
    @Test("What a failed sync may have lost is moved again", arguments: [false, true])
    func lost(fails: Bool) throws {
        let connection = try open()
        let descriptor = try #require(try openDescriptor())
        try fill(connection)
        try connection.checkpoint(.truncate)
        let before = try Data(contentsOf: URL(filePath: path))
        try fill(connection)
        let reader = try Connection(path, .readOnly)
        try reader.execute("BEGIN; SELECT count(*) FROM t")
        try fill(connection)
        let (pages, moved) = try connection.checkpoint(.passive)
        #expect(0 < moved && moved < pages)
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        let size = try file.seekToEnd()
        try file.seek(toOffset: 0)
        try file.write(contentsOf: before + Data(count: Int(size) - before.count))
        try file.close()
        if fails {
            // What cannot be synced takes the place of the file for a moment.
            let kept = dup(descriptor)
            let device = Glibc.open("/dev/null", O_RDWR)
            dup2(device, descriptor)
            #expect(throws: SQLiteError.self) { try connection.syncMoved() }
            dup2(kept, descriptor)
            close(device)
            close(kept)
        } else {
            try connection.syncMoved()
        }
        try reader.execute("ROLLBACK")
        try connection.checkpoint(.restart)
        let isWhole = (try? Connection(path, .readOnly).text("PRAGMA integrity_check")) == "ok"
        #expect(isWhole == fails)
    }

    /// The descriptor of the only connection to the file.
    private func openDescriptor() throws -> Int32? {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").first {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))
                == path
        }.flatMap { Int32($0) }
    }

    // MARK: The mark

    @Test("Is there from the first frame on, until the WAL has been emptied or deleted")
    func mark() throws {
        do {
            let connection = try open()
            #expect(!isMarked)
            try fill(connection)
            #expect(isMarked)
            try connection.checkpoint(.passive)
            try connection.checkpoint(.restart)
            #expect(isMarked)
            try connection.checkpoint(.truncate)
            #expect(!isMarked)
            try fill(connection)
            #expect(isMarked)
        }
        // The last connection moved the WAL into the file and deleted it.
        #expect(!isMarked)
        #expect(!exists("-wal"))
    }

    @Test("Stays with a WAL that stays")
    func keptWAL() throws {
        do {
            let connection = try open()
            connection.keepWALOnClose()
            try fill(connection)
        }
        #expect(isMarked)
        #expect(try walBytes() > 0)
        #expect(
            try Connection(path, .readWrite).integer("SELECT count(*) FROM t") == 20)
        #expect(!isMarked)
    }

    @Test("Stays where it is not we who emptied the WAL")
    func emptyWAL() throws {
        do { try fill(open()) }
        try Data().write(to: URL(filePath: path + "-unsealed"))
        do {
            let connection = try open(.readWrite)
            #expect(try connection.integer("SELECT count(*) FROM t") == 20)
            try connection.checkpoint(.truncate)
        }
        #expect(!exists("-wal"))
        #expect(isMarked)
    }

    @Test("One that somebody removed is there again when the WAL begins anew")
    func removed() throws {
        let connection = try open()
        try fill(connection)
        try FileManager.default.removeItem(atPath: path + "-unsealed")
        try connection.checkpoint(.restart)
        try fill(connection)
        #expect(isMarked)
    }

    @Test("A file without checksums has none")
    func without() throws {
        let connection = try open(.create)
        try fill(connection)
        #expect(try walBytes() > 0)
        #expect(!isMarked)
    }

    // MARK: Damage

    private func flip(byte: Int) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path + "-wal"))
        try file.seek(toOffset: UInt64(byte))
        let old = try file.read(upToCount: 1)![0]
        try file.seek(toOffset: UInt64(byte))
        try file.write(contentsOf: Data([old ^ 0x10]))
        try file.close()
    }

    private func read() -> SQLiteError? {
        do throws(SQLiteError) {
            _ = try Connection(path, .readOnly).text("SELECT sum(length(x)) FROM t")
        } catch { return error }
        return nil
    }

    @Test(
        "A flipped bit of a page in the WAL is found when it is read, and not moved into the file")
    func flipped() throws {
        let connection = try open()
        try fill(connection)
        try connection.execute("PRAGMA shrink_memory")
        let frames = try walBytes() / Self.frameBytes
        var found = 0
        for frame in 0..<frames {
            let byte = 32 + frame * Self.frameBytes + 24 + 97 * frame
            try flip(byte: byte)
            if let error = read() {
                #expect(error.isDamage, "frame \(frame): \(error)")
                found += 1
            }
            try flip(byte: byte)
        }
        // Of a page that has several, only the last counts.
        #expect(found >= 5)
        #expect(read() == nil)
        try flip(byte: 32 + (frames - 1) * Self.frameBytes + 24 + 2000)
        #expect(throws: SQLiteError.self) { try connection.checkpoint(.truncate) }
        #expect(isMarked)
    }

    /// SQLite then writes a page again where it is, and the sums of frames when it commits.
    @Test("A transaction that reads what it has written itself, over and over, is not damage")
    func spilled() throws {
        let connection = try open()
        try connection.execute("PRAGMA cache_size=10")
        try fill(connection, rows: 200)
        for round in 0..<5 {
            try connection.execute("BEGIN")
            for _ in 0..<4 {
                try connection.execute("UPDATE t SET x = x || 'y' WHERE rowid % 3 = \(round % 3)")
                try connection.execute("SAVEPOINT s; UPDATE t SET x = x || 'z'; ROLLBACK TO s")
                #expect(try connection.integer("SELECT count(*) FROM t") == 200)
            }
            try connection.execute(round == 2 ? "ROLLBACK" : "COMMIT")
            #expect(read() == nil)
            if round == 3 { try connection.checkpoint(.restart) }
        }
        #expect(try connection.text("PRAGMA integrity_check") == "ok")
        // Nor is it afterwards that damage is overlooked.
        let last = 32 + (connection.walPages - 1) * Self.frameBytes + 24 + 2000
        try flip(byte: last)
        #expect(throws: SQLiteError.self) { try connection.checkpoint(.truncate) }
        try flip(byte: last)
        try connection.checkpoint(.truncate)
        #expect(try connection.text("PRAGMA integrity_check") == "ok")
        #expect(read() == nil)
    }

    /// After a rollback to a savepoint frames without sums may stand before that page.
    @Test("Nor is what transactions of all kinds leave, through a cache of a few pages")
    func random() throws {
        let changes = [
            "INSERT INTO t(x) VALUES (randomblob(abs(random()) % 3000))",
            "DELETE FROM t WHERE i IN (SELECT i FROM t ORDER BY random() LIMIT 3)",
            "UPDATE t SET x = randomblob(abs(random()) % 9000) WHERE i IN (SELECT i FROM t ORDER BY random() LIMIT 2)",
            "SAVEPOINT s; UPDATE t SET x = zeroblob(100); ROLLBACK TO s; RELEASE s",
        ]
        let connection = try open()
        try connection.execute(
            "PRAGMA cache_size=9; CREATE TABLE t (i INTEGER PRIMARY KEY, x); CREATE INDEX j ON t (x)"
        )
        for round in 0..<400 {
            try connection.execute("BEGIN")
            for _ in 0..<20 { try connection.execute(changes.randomElement()!) }
            try connection.execute(round % 4 == 3 ? "ROLLBACK" : "COMMIT")
            #expect(try Connection(path, .readOnly).text("PRAGMA integrity_check") == "ok")
            if round % 9 == 8 { try connection.checkpoint(round % 2 == 0 ? .restart : .truncate) }
        }
    }

    // MARK: Sealing

    @Test("A page without its checksum gets it, and no other is touched")
    func sealing() throws {
        do { try fill(open(), rows: 100) }
        let before = try Data(contentsOf: URL(filePath: path))
        var spoilt = before
        for page in [1, 4, 9] { spoilt[page * Self.pageBytes - 3] ^= 0xFF }
        try spoilt.write(to: URL(filePath: path))
        #expect(throws: SQLiteError.self) {
            try Connection(path, .readOnly).text("SELECT sum(length(x)) FROM t")
        }
        do {
            let connection = try Connection(path, .unverified)
            #expect(try connection.integer("SELECT count(*) FROM t") == 100)
            var sealed: [Int] = []
            for page in 1...connection.checkablePages where try connection.sealPage(page) {
                sealed.append(page)
            }
            #expect(sealed == [1, 4, 9])
        }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }
}
