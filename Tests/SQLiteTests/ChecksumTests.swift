import CChecksums
import CSQLite
import Foundation
import Testing

@testable import SQLite

/// A page that has changed by itself is not read: https://sqlite.org/vfs.html is how.
@Suite("Checksums of pages")
struct ChecksumTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("a.db")
    }

    private static let pageBytes = 4096

    private func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    /// Pages of the file whose last 8 bytes are not their checksum.
    private func mismatches(_ path: String) throws -> [Int] {
        let bytes = try bytes(path)
        #expect(bytes.count.isMultiple(of: Self.pageBytes))
        return bytes.withUnsafeBytes { file in
            (0..<file.count / Self.pageBytes).filter { index in
                let start = file.baseAddress! + index * Self.pageBytes
                let kept = start.loadUnaligned(
                    fromByteOffset: Self.pageBytes - 8, as: UInt64.self)
                let sum = cchecksums_of_page(start, Self.pageBytes, UInt32(index + 1))
                return UInt64(littleEndian: kept) != sum
            }.map { $0 + 1 }
        }
    }

    private func flip(_ bit: Int, _ path: String) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: UInt64(bit / 8))
        let byte = try file.read(upToCount: 1)![0]
        try file.seek(toOffset: UInt64(bit / 8))
        try file.write(contentsOf: Data([byte ^ 1 << UInt8(bit % 8)]))
        try file.close()
    }

    private func error(_ body: () throws(SQLiteError) -> Void) -> SQLiteError? {
        do throws(SQLiteError) { try body() } catch { return error }
        return nil
    }

    /// Fills a table `t (x)` with so many rows of a kilobyte each.
    private func fill(_ connection: Connection, rows: Int = 100) throws {
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS t (x);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
            INSERT INTO t SELECT printf('%1000d', i) FROM n
            """)
    }

    // MARK: The checksum

    @Test("Differs for every bit of a page, and for its place")
    func everyBit() {
        var page = (0..<Self.pageBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let sum = cchecksums_of_page(page, page.count, 7)
        for bit in 0..<(Self.pageBytes - 8) * 8 {
            page[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(cchecksums_of_page(page, page.count, 7) != sum, "bit \(bit)")
            page[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        #expect(cchecksums_of_page(page, page.count, 8) != sum)
        // Where it is kept does not count.
        page[Self.pageBytes - 1] ^= 1
        #expect(cchecksums_of_page(page, page.count, 7) == sum)
    }

    @Test("Is the same on every machine and in every version: files outlive both")
    func fixed() {
        let page = (0..<Self.pageBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(cchecksums_of_page(page, 512, 1) == 0xEB6E_C7F8_E776_F3E0)
        #expect(cchecksums_of_page(page, page.count, 0x0102_0304) == 0xC1C9_CB0A_1D8D_CA61)
    }

    // MARK: Writing

    @Test("Every page has one, however it was written", arguments: ["DELETE", "WAL"])
    func everyPage(journal: String) throws {
        let connection = try Connection(path, .createWithChecksums)
        // A small cache has pages written in the midst of a transaction, the first one last.
        try connection.execute(
            "PRAGMA cache_size=10; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=\(journal)")
        try fill(connection)
        try connection.execute(
            """
            CREATE INDEX i ON t (x);
            BEGIN; UPDATE t SET x = x || 'a'; ROLLBACK;
            BEGIN; DELETE FROM t WHERE rowid % 3 = 1; COMMIT;
            PRAGMA incremental_vacuum(10)
            """)
        try connection.checkpoint(.truncate)
        #expect(connection.hasChecksums)
        #expect(try mismatches(path) == [])
        #expect(try connection.text("PRAGMA integrity_check") == "ok")
        try connection.execute("VACUUM")
        try connection.checkpoint(.truncate)
        #expect(try mismatches(path) == [])
    }

    @Test("A page that SQLite leaves out, for it is free again, has one all the same")
    func gap() throws {
        do {
            let connection = try Connection(path, .createWithChecksums)
            try connection.execute("PRAGMA secure_delete=OFF; CREATE TABLE z (x); BEGIN")
            try fill(connection)
            try connection.execute("INSERT INTO z SELECT x FROM t; DELETE FROM t; COMMIT")
        }
        #expect(try mismatches(path) == [])
        let size = try bytes(path).count
        let copy = folder.path("b.db")
        #expect(try Backup(of: Connection(path, .readOnly), to: copy).step())
        #expect(try bytes(copy).count == size)
    }

    @Test("A file without them stays as SQLite makes it", arguments: [false, true])
    func without(isOpenedForThem: Bool) throws {
        do {
            let connection = try Connection(path, .create)
            try fill(connection)
            #expect(!connection.hasChecksums)
        }
        let connection = try Connection(path, isOpenedForThem ? .createWithChecksums : .readWrite)
        #expect(!connection.hasChecksums)
        try connection.execute("UPDATE t SET x = upper(x) || x")
        #expect(try connection.text("PRAGMA integrity_check") == "ok")
        #expect(try bytes(path)[20] == 0)
        #expect(try mismatches(path).count == bytes(path).count / Self.pageBytes)
    }

    @Test("Copies have them where the original has", arguments: [false, true])
    func copies(haveThem: Bool) throws {
        let connection = try Connection(path, haveThem ? .createWithChecksums : .create)
        try fill(connection, rows: 3_000)
        let copies = ["b.db", "c.db"].map(folder.path)
        let backup = try Backup(of: connection, to: copies[0])
        while try !backup.step(pages: 7) {}
        try connection.backUp(to: copies[1])
        for copy in copies {
            let opened = try Connection(copy, .readOnly)
            #expect(opened.hasChecksums == haveThem)
            #expect(try mismatches(copy).isEmpty == haveThem)
            #expect(try opened.text("PRAGMA integrity_check") == "ok")
        }
    }

    @Test("A vacuum into a new file gives it them")
    func vacuum() throws {
        let connection = try Connection(path, .create)
        try fill(connection, rows: 3_000)
        let copy = folder.path("b ?#%.db")
        try connection.vacuum(intoFileWithChecksums: copy)
        #expect(try mismatches(copy) == [])
        #expect(try Connection(copy, .readOnly).hasChecksums)
        #expect(try rows(path) == rows(copy))
        #expect(!connection.hasChecksums)
    }

    private func rows(_ path: String) throws -> String? {
        try Connection(path, .readOnly).text("SELECT group_concat(x) FROM t")
    }

    // MARK: Reading

    @Test("A flipped bit is found when its page is read, and named")
    func flipped() throws {
        try fill(Connection(path, .createWithChecksums))
        let bits = try bytes(path).count * 8
        // 7919 is prime: all bits of a byte, and all places of a page, have their turn.
        for bit in stride(from: 0, to: bits, by: 7919) {
            try flip(bit, path)
            let error = error { () throws(SQLiteError) in
                _ = try Connection(path, .readOnly).text("SELECT sum(length(x)) FROM t")
            }
            #expect(error?.isDamage == true, "bit \(bit)")
            let page = bit / 8 / Self.pageBytes + 1
            #expect(error?.message == "page \(page) does not match its checksum")
            try flip(bit, path)
        }
        #expect(try rows(path) != nil)
    }

    @Test("No bit of the header turns them off")
    func flippedHeader() throws {
        try fill(Connection(path, .createWithChecksums))
        for bit in 0..<100 * 8 {
            try flip(bit, path)
            let error = error { () throws(SQLiteError) in
                _ = try Connection(path, .readOnly).text("SELECT 1 FROM t")
            }
            #expect(error?.isDamage == true, "bit \(bit)")
            try flip(bit, path)
        }
    }

    @Test("A page in the place of another is found")
    func misplaced() throws {
        try fill(Connection(path, .createWithChecksums))
        var bytes = try bytes(path)
        bytes.replaceSubrange(
            5 * Self.pageBytes..<6 * Self.pageBytes,
            with: bytes[7 * Self.pageBytes..<8 * Self.pageBytes])
        try Data(bytes).write(to: URL(filePath: path))
        let error = error { () throws(SQLiteError) in
            _ = try Connection(path, .immutable).text("SELECT sum(length(x)) FROM t")
        }
        #expect(error?.message == "page 6 does not match its checksum")
    }

    @Test("A damaged page is not copied")
    func damagedCopy() throws {
        try fill(Connection(path, .createWithChecksums))
        try flip(9 * Self.pageBytes * 8 + 77, path)
        let error = error { () throws(SQLiteError) in
            _ = try Backup(of: Connection(path, .readOnly), to: folder.path("b.db")).step()
        }
        #expect(error?.message == "page 10 does not match its checksum")
    }

    /// As SQLite 3.45 and later read a large value.
    @Test("A part of a page is verified with the whole")
    func part() throws {
        let connection = try Connection(path, .createWithChecksums)
        try fill(connection)
        var file: UnsafeMutablePointer<sqlite3_file>?
        #expect(
            sqlite3_file_control(connection.handle, "main", SQLITE_FCNTL_FILE_POINTER, &file)
                == SQLITE_OK)
        let opened = try #require(file)
        var buffer = [UInt8](repeating: 0, count: 512)
        let offset = Int64(5 * Self.pageBytes + 1024)
        let read = opened.pointee.pMethods.pointee.xRead!
        #expect(read(opened, &buffer, 512, offset) == SQLITE_OK)
        #expect(try bytes(path)[Int(offset)..<Int(offset) + 512] == buffer[...])
        // Elsewhere in the same page.
        try flip(6 * Self.pageBytes * 8 - 1, path)
        #expect(read(opened, &buffer, 512, offset) == SQLiteError.checksumMismatch)
    }
}
