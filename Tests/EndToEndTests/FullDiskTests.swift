import Foundation
import TestSupport
import Testing

/// A full disk: storing is refused, reading and deleting work, and once there is space everything
/// resumes by itself.
@Suite("A full disk", .ofFile(.disk))
struct FullDiskTests {
    private static let reserve = ["--disk-reserve-bytes", "1048576"]
    private static let padding = String(repeating: "x", count: 30_000)

    @Test("Of a quota on the bytes of the files")
    func quota() throws {
        let folder = try TemporaryFolder()
        var disk = FaultyDisk(quota: 6_000_000)
        disk.cure = folder.file("cure")
        let server = try LogbookProcess(
            in: folder, flags: Self.reserve,
            environment: try disk.environment(of: folder.file("logbook.db")))
        let acknowledged = try fill(server)
        let left = try expectFull(server, acknowledged)
        try Data().write(to: URL(fileURLWithPath: folder.file("cure")))
        try expectRecovery(server, left)
    }

    @Test("On a volume of 8 MiB, which others fill too", .enabled(if: getuid() == 0))
    func volume() throws {
        let volume = try Volume(bytes: 8 << 20)
        let filler = volume.folder.file("filler")
        let server = try LogbookProcess(in: volume.folder, flags: Self.reserve)
        var acknowledged = try store(server, 20)
        _ = try Command("dd", ["if=/dev/zero", "of=\(filler)", "bs=4k"])
        acknowledged += try fill(server)
        let left = try expectFull(server, acknowledged)
        // While nobody holds the reserve, another program takes that space too. Then only reading
        // works.
        try server.stop()
        _ = try Command("dd", ["if=/dev/zero", "of=\(filler).2", "bs=4k"])
        let again = try LogbookProcess(
            in: volume.folder, flags: Self.reserve, awaitsReady: false)
        try again.logLine(containing: "events are refused")
        // The log is slightly ahead of the store.
        while try again.exchange("GET", "/schema/version").text.contains("migrating") {}
        try again.exchange("POST", "/events", NewEvent().json).problem(503)
        #expect(try again.exchange("GET", "/schema/version").status == 200)
        let found = try again.walk("limit=100").map(\.id)
        #expect(Set(found).isSuperset(of: left))
        try FileManager.default.removeItem(atPath: filler + ".2")
        try FileManager.default.removeItem(atPath: filler)
        try expectRecovery(again, left)
    }

    /// The WAL keeps the space it once had, which a full disk needs. Only emptying it frees enough.
    @Test("A deletion of a fifth empties a full volume of 64 MiB", .enabled(if: getuid() == 0))
    func deletion() throws {
        let volume = try Volume(bytes: 64 << 20)
        let server = try LogbookProcess(in: volume.folder)
        let client = try server.connect()
        var random = SystemRandomNumberGenerator()
        var stored = 0
        var isFull = false
        for number in 0..<200 where !isFull {
            let events = (0..<200).map { index in
                let words = (0..<60).map { _ in
                    String(UInt32.random(in: 0..<(1 << 24), using: &random), radix: 16)
                }
                return NewEvent(
                    description: words.joined(separator: " "), objectKind: "Pod",
                    objectNamespace: "n\(index % 9)", objectName: "pod-\(number)-\(index)")
            }
            let body = "[" + events.map(\.json).joined(separator: ",") + "]"
            let status = try client.exchange("POST", "/events", body).status
            if status == 200 { stored += 200 } else { isFull = try !recovers(client) }
        }
        try #require(isFull)
        let deletion = try client.exchange("DELETE", "/events?object_namespace=n1,n2")
        try #require(
            deletion.text.contains("\"deleted\":\(stored / 200 * 45)"), "\(deletion.text)")
        let deadline = Patience.deadline
        while try !recovers(client) { try #require(Date() < deadline, "\(server.log)") }
        #expect(try server.post(NewEvent(id: "after").json).status == 201)
        try server.stop()
    }

    private func event(_ number: Int) -> NewEvent {
        NewEvent(id: "e\(number)", description: Self.padding)
    }

    private func store(_ server: LogbookProcess, _ count: Int) throws -> [String] {
        try (0..<count).map { number in
            let id = "early\(number)"
            let response = try server.post(NewEvent(id: id, description: Self.padding).json)
            #expect(response.status == 201)
            return id
        }
    }

    /// True if there is space again within a few of the writer's retries, one a second.
    private func recovers(_ client: RawClient) throws -> Bool {
        for _ in 0..<50 {
            if try client.exchange("GET", "/readyz").text.contains("\"writable\":true") {
                return true
            }
            usleep(100_000)
        }
        return false
    }

    /// Posts until the disk is full, and returns the acknowledged ids.
    private func fill(_ server: LogbookProcess) throws -> [String] {
        let client = try server.connect()
        var acknowledged: [String] = []
        for number in 0..<5_000 {
            let response = try client.exchange("POST", "/events", event(number).json)
            guard response.status != 201 else {
                acknowledged.append("e\(number)")
                continue
            }
            #expect(try response.problem(503).detail.contains("the disk is full"))
            #expect(response.header("Retry-After") != nil)
            // Emptying the WAL may free space again, less each time.
            if try !recovers(client) { return acknowledged }
        }
        throw HarnessError("the disk does not fill up")
    }

    /// Returns what is left of `acknowledged` after some deletions.
    private func expectFull(
        _ server: LogbookProcess, _ acknowledged: [String]
    ) throws -> [String] {
        let client = try server.connect()
        var ready = try client.exchange("GET", "/readyz")
        while ready.text.contains("being opened") { ready = try client.exchange("GET", "/readyz") }
        #expect(ready.status == 200)
        #expect(ready.text.contains("the disk is full"), "\(ready.text)")
        #expect(try client.exchange("GET", "/schema/version").status == 200)
        #expect(try client.exchange("GET", "/healthz").status == 200)
        let found = try server.walk("limit=100").map(\.id)
        #expect(Set(found).isSuperset(of: acknowledged))
        for id in acknowledged.prefix(10) {
            #expect(try client.exchange("GET", "/events/\(id)").status == 200)
            #expect(try client.exchange("DELETE", "/events/\(id)").status == 204, "\(server.log)")
            #expect(try client.exchange("GET", "/events/\(id)").status == 404)
            // Space freed by deleting is not used for storing either.
            #expect(try client.exchange("POST", "/events", NewEvent().json).status == 503)
        }
        return Array(acknowledged.dropFirst(10))
    }

    private func expectRecovery(_ server: LogbookProcess, _ left: [String]) throws {
        try server.logLine(containing: "Writing works again")
        try server.awaitReady()
        #expect(try server.post(NewEvent(id: "after").json).status == 201)
        try server.stop()
        var acknowledgements = Acknowledgements()
        acknowledgements.note(alreadyStored: left + ["after"])
        #expect(try acknowledgements.contradictions(inFile: server.database) == [])
    }
}
