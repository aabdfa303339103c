import Foundation
import SQLite
import Testing

@testable import EventStore

/// What another program has written to a file with checksums: sealed where the file is in order.
@Suite("Sealing pages")
struct SealingTests {
    private let folder: TemporaryFolder
    private let path: String
    private let log = LogRecorder()
    private static let pageBytes = 4096

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("events.db")
        try makeVersion1(path, events: 500)
        try makeLatest(path)
    }

    private func bytes() throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    /// Changes the byte at `offset` of a page.
    private func spoil(_ page: Int, at offset: Int) throws {
        var bytes = try bytes()
        bytes[(page - 1) * Self.pageBytes + offset] ^= 0xFF
        try bytes.write(to: URL(filePath: path))
    }

    /// Has pages lack their checksums, as another program leaves them.
    private func unseal(_ pages: [Int]) throws {
        for page in pages { try spoil(page, at: Self.pageBytes - 1) }
    }

    private func mark() throws { try Data().write(to: URL(filePath: path + "-unsealed")) }

    private var isMarked: Bool { FileManager.default.fileExists(atPath: path + "-unsealed") }

    private func message(_ body: () throws -> Void) -> String {
        do { try body() } catch let error as SchemaError { return error.message } catch {
            return "\(error)"
        }
        return ""
    }

    @Test("With a mark, at the next start, which says so")
    func marked() throws {
        let before = try bytes()
        try unseal([1, 2, 7])
        try mark()
        var migrated: [Int] = []
        #expect(try manager(path, log: log).prepare { migrated.append($0) } == Migration.latest)
        #expect(migrated == [Migration.latest])
        #expect(try bytes() == before)
        #expect(!isMarked)
        let warnings = log.lines.filter { $0.level == .warning }.map(\.message)
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("3 pages got their checksums") == true, "\(warnings)")
    }

    @Test("Without one the file is refused, and the command named that seals it")
    func unmarked() throws {
        try unseal([1])
        let before = try folder.contents()
        let refusal = message { _ = try manager(path).prepare { _ in } }
        #expect(refusal.contains("is damaged (page 1 does not match its checksum)"), "\(refusal)")
        #expect(refusal.contains("logbook check --reseal --database \(path)"), "\(refusal)")
        #expect(try folder.contents() == before)
        let sealed = try DatabaseCheck.reseal(path, logger: log.logger, now: testMoment)
        #expect(sealed == 1)
        #expect(try manager(path).prepare { _ in } == Migration.latest)
    }

    @Test("What contradicts itself is not sealed, and keeps its mark")
    func contradiction() throws {
        let root = try rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'idx_events_id'")
        // The number of cells.
        try spoil(Int(root[0])!, at: 3)
        try mark()
        let before = try bytes()
        #expect(message { _ = try manager(path).prepare { _ in } }.contains("is damaged"))
        #expect(try bytes() == before)
        #expect(isMarked)
    }

    @Test("A mark beside a WAL is no reason to look")
    func withWAL() throws {
        do {
            let connection = try Connection(path, .readWrite)
            connection.keepWALOnClose()
            try connection.execute("PRAGMA journal_mode=WAL; UPDATE events SET title = 'new'")
        }
        #expect(isMarked)
        #expect(try manager(path, log: log).prepare { _ in } == Migration.latest)
        #expect(log.messages.count == 1)
        #expect(isMarked)
        // By hand it is moved into the file first.
        #expect(try DatabaseCheck.reseal(path, logger: log.logger, now: testMoment) == 0)
        #expect(!isMarked)
        #expect(try rows(path, "SELECT count(*) FROM events WHERE title = 'new'") == ["500"])
    }

    @Test("A file that is newer, or none of ours, is not touched", arguments: [false, true])
    func foreign(isNewer: Bool) throws {
        try Connection(path, .readWrite).execute(
            isNewer
                ? "INSERT INTO schema_version VALUES (99, 'now', 'Later')"
                : "ALTER TABLE events ADD COLUMN mine")
        try unseal([2])
        try mark()
        let before = try bytes()
        #expect(throws: SchemaError.self) { try manager(path).prepare { _ in } }
        #expect(try bytes() == before)
        #expect(isMarked)
    }

    @Test("A page that the WAL has a newer one of is not called damaged")
    func supersededPage() throws {
        do {
            let connection = try Connection(path, .readWrite)
            connection.keepWALOnClose()
            try connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE theirs (x)")
        }
        try unseal([1])
        let check = try DatabaseCheck(of: path, logger: log.logger, now: testMoment)
        #expect(check.findings == [])
        try unseal([9])
        let again = try DatabaseCheck(of: path, logger: log.logger, now: testMoment)
        #expect(again.findings == ["page 9 does not match its checksum"])
    }

    // MARK: Scrubbing

    @Test("A page that nobody reads is found by the scrubbing, whatever page that begins with")
    func scrubbing() throws {
        let figures = StoreFigures()
        let connection = try Connection(path, .readOnly)
        let pages = connection.checkablePages
        let waiting = ScrubbingJob(connection, figures: figures) { true }
        _ = try waiting.runSlice()
        #expect(figures.current.pagesChecked == 0)
        let whole = ScrubbingJob(connection, figures: figures) { false }
        for _ in 0...pages / 32 { _ = try whole.runSlice() }
        #expect(figures.current.pagesChecked >= pages)
        try spoil(pages, at: 1_000)
        let again = try Connection(path, .readOnly)
        for _ in 0..<10 {
            let scrubbing = ScrubbingJob(again, figures: figures) { false }
            let error = #expect(throws: SQLiteError.self) {
                for _ in 0...pages / 32 { _ = try scrubbing.runSlice() }
            }
            #expect(error?.message == "page \(pages) does not match its checksum")
            #expect(error?.isDamage == true)
        }
    }
}
