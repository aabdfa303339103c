import Dispatch
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import EventStore
@testable import SQLiteStore

@Suite("DatabaseLock")
struct DatabaseLockTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("events.db")
    }

    /// The lock file's text for this process.
    private static let holder =
        "process \(getpid()) on \(ProcessInfo.processInfo.hostName) since 2026-11-23T10:30:45.123Z"

    private func takeLock(
        _ path: String, timeout: Duration = .zero, log: LogRecorder = LogRecorder()
    ) throws(SchemaError) -> DatabaseLock {
        try DatabaseLock(database: path, timeout: timeout, now: testMoment, logger: log.logger)
    }

    @Test("A holder that lets go in time is waited for, and the log says for whom")
    func waits() throws {
        let held = Mutex<DatabaseLock?>(try takeLock(path))
        let log = LogRecorder { _ in held.withLock { $0 = nil } }
        _ = try takeLock(path, timeout: .seconds(60), log: log)
        #expect(
            log.messages == ["Waiting for \(Self.holder) to release the database"])
    }

    @Test("One that does not let go in time refuses")
    func waitsInVain() throws {
        let first = try takeLock(path)
        let log = LogRecorder()
        #expect(throws: SchemaError.self) {
            try takeLock(path, timeout: .milliseconds(1), log: log)
        }
        #expect(log.lines.count == 1)
        withExtendedLifetime(first) {}
    }

    @Test("A second holder is refused with the first one's name, until that releases it")
    func exclusive() throws {
        var first: DatabaseLock? = try takeLock(path)
        #expect(first != nil)
        for _ in 1...3 {
            let error = #expect(throws: SchemaError.self) { try takeLock(path) }
            let beginning = "\(path) is in use by \(Self.holder); only one process may write it."
            #expect(error?.message.hasPrefix(beginning) == true)
        }
        first = nil
        _ = try takeLock(path)
    }

    @Test("Files have locks of their own, beside them")
    func beside() throws {
        let first = try takeLock(path)
        let other = try takeLock(folder.file("other.db"))
        withExtendedLifetime((first, other)) {}
        #expect(try folder.names() == ["events.db.lock", "other.db.lock"])
        let holder = try String(contentsOfFile: path + ".lock", encoding: .utf8)
        #expect(holder == "\(Self.holder)\n")
    }

    @Test("What a dead holder wrote is replaced, not trusted")
    func stale() throws {
        try "99999999 and more than this\n".write(
            toFile: path + ".lock", atomically: false, encoding: .utf8)
        let lock = try takeLock(path)
        let holder = try String(contentsOfFile: path + ".lock", encoding: .utf8)
        #expect(holder == "\(Self.holder)\n")
        withExtendedLifetime(lock) {}
    }

    @Test("A lock that cannot be made refuses")
    func nowhere() {
        let error = #expect(throws: SchemaError.self) {
            try takeLock(folder.file("nowhere/events.db"))
        }
        #expect(error?.message.hasSuffix("there is no folder \(folder.file("nowhere"))") == true)
    }

    @Test("Nobody else may take the lock, even of a file that others could open")
    func permissions() throws {
        func mode() throws -> UInt32 {
            var file = stat()
            try #require(stat(path + ".lock", &file) == 0)
            return file.st_mode & 0o777
        }
        _ = try takeLock(path)
        #expect(try mode() == 0o600)
        #expect(chmod(path + ".lock", 0o644) == 0)
        _ = try takeLock(path)
        #expect(try mode() == 0o600)
    }

    @Test("A folder is found before a combining mark, too")
    func combiningMark() throws {
        let folder = folder.file("f")
        #expect(mkdir(folder, 0o700) == 0)
        let path = "\(folder)/\u{301}x.db"
        #expect(Array(Folder.name(of: path).utf8) == Array(folder.utf8))
        #expect(Array(Folder.resolve(path).utf8) == Array(path.utf8))
        // Another folder, which does not exist.
        #expect(throws: SchemaError.self) { try takeLock("\(folder)\u{301}/x.db") }
    }

    @Test("A refused lock closes its own descriptor, once")
    func closesOnce() throws {
        let holder = try takeLock(path)
        let path = path
        let lost = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            for _ in 0..<20_000 {
                if index == 0 {
                    _ = try? takeLock(path)
                } else {
                    // A descriptor that someone else closes is gone.
                    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    if close(descriptor) != 0 { lost.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(lost.load(ordering: .relaxed) == 0)
        withExtendedLifetime(holder) {}
    }
}
