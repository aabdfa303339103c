import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing

@testable import EventStore

@Suite("DatabaseLock")
struct DatabaseLockTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("events.db")
    }

    @Test("A second holder is refused, and told who holds it, until the first lets go")
    func exclusive() throws {
        var first: DatabaseLock? = try DatabaseLock(database: path)
        #expect(first != nil)
        for _ in 1...3 {
            let error = #expect(throws: SchemaError.self) { try DatabaseLock(database: path) }
            #expect(
                error
                    == .refused(
                        "\(path) is in use by another process (process \(getpid())); "
                            + "only one may write it."))
        }
        first = nil
        _ = try DatabaseLock(database: path)
    }

    @Test("Files have locks of their own, beside them")
    func beside() throws {
        let first = try DatabaseLock(database: path)
        let other = try DatabaseLock(database: folder.path("other.db"))
        withExtendedLifetime((first, other)) {}
        #expect(try folder.names() == ["events.db.lock", "other.db.lock"])
        let holder = try String(contentsOfFile: path + ".lock", encoding: .utf8)
        #expect(holder == "\(getpid())\n")
    }

    @Test("What a dead holder wrote is replaced, not trusted")
    func stale() throws {
        try "99999999 and more than this\n".write(
            toFile: path + ".lock", atomically: false, encoding: .utf8)
        let lock = try DatabaseLock(database: path)
        #expect(try String(contentsOfFile: path + ".lock", encoding: .utf8) == "\(getpid())\n")
        withExtendedLifetime(lock) {}
    }

    @Test("A lock that cannot be made refuses")
    func nowhere() {
        let error = #expect(throws: SchemaError.self) {
            try DatabaseLock(database: folder.path("nowhere/events.db"))
        }
        #expect(error?.message.hasSuffix("No such file or directory") == true)
    }

    @Test("A refused lock closes its own descriptor, once")
    func closesOnce() throws {
        let holder = try DatabaseLock(database: path)
        let path = path
        let lost = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            for _ in 0..<20_000 {
                if index == 0 {
                    _ = try? DatabaseLock(database: path)
                } else {
                    // A descriptor that somebody else closes is not there any more.
                    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    if close(descriptor) != 0 { lost.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(lost.load(ordering: .relaxed) == 0)
        withExtendedLifetime(holder) {}
    }
}
