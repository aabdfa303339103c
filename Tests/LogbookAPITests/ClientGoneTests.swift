import Access
import Dispatch
import EventStore
import Foundation
import Glibc
import HTTPServer
import Logging
import Synchronization
import Testing

@testable import LogbookAPI
@testable import SQLiteStore

/// Work for a client ends with its connection, its minimum rate, or its token.
@Suite("A client that goes", .serialized)
struct ClientGoneTests {
    private typealias Service = StreamHubTests.Service

    private func request(_ method: String, _ target: String, _ fields: String = "") -> String {
        "\(method) \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(fields)\r\n"
    }

    private func answer(_ file: FileHandle) throws -> String {
        String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
    }

    /// Returns once the event loop has seen all that was sent before.
    private func awaitTurn(_ service: Service) throws {
        let healthy = try answer(try service.send(request("GET", "/healthz"), from: 9))
        try #require(healthy.hasPrefix("HTTP/1.1 200"), "\(healthy)")
    }

    @Test("Its running queries end, those that wait never begin, and the next has a thread")
    func queries() throws {
        let running = Mutex(0)
        let service = try Service(queryTimeLimit: .seconds(3600)) { api in
            [
                Route(.get, "/endless", summary: "for tests", statuses: [.ok]) { request, _ in
                    api.answerElsewhere(request) { reader, _, _ in
                        guard let reader = reader as? SQLiteReader else { return }
                        running.withLock { $0 += 1 }
                        while !reader.mustEnd { usleep(1_000) }
                        throw StoreError.cancelled
                    }
                }
            ]
        }
        // One client gets at most three of the four threads.
        var endless = try (0..<3).map { _ in try service.send(request("GET", "/endless")) }
        try eventually { running.withLock { $0 } == 3 }
        var waiting = try (0..<5).map { _ in try service.send(request("GET", "/endless")) }
        let next = try service.send(request("GET", "/events/stats"))
        try awaitTurn(service)
        // Waiting reads first; otherwise they would get the threads that become free.
        waiting.removeAll()
        try eventually { service.server.figures.connections == endless.count + 1 }
        endless.removeAll()
        let counted = try answer(next)
        #expect(counted.hasPrefix("HTTP/1.1 200"), "\(counted)")
        #expect(running.withLock { $0 } == 3)
    }

    @Test(
        "One that fetches a backup too slowly keeps no other from theirs, is cut off, and leaves nothing"
    )
    func slowBackup() throws {
        var limits = HTTPLimits()
        limits.answerGrace = .milliseconds(200)
        let service = try Service(limits: limits)
        // More than sockets can hold.
        let text = String(repeating: "x", count: 60_000)
        for _ in 0..<20 {
            let events = (0..<15).map { _ in
                "{\"event_type\":\"a\",\"severity\":\"info\",\"title\":\"t\",\"description\":\"\(text)\"}"
            }
            let body = "[\(events.joined(separator: ","))]"
            let stored = try answer(
                try service.send(
                    request("POST", "/events", "Content-Length: \(body.utf8.count)\r\n") + body))
            try #require(stored.hasPrefix("HTTP/1.1 200"), "\(stored)")
        }
        let slow = try service.send(request("GET", "/backup"))
        let begin = try slow.read(upToCount: 12) ?? Data()
        #expect(String(decoding: begin, as: UTF8.self) == "HTTP/1.1 200")
        let other = try answer(try service.send(request("GET", "/backup"), from: 2))
        #expect(other.hasPrefix("HTTP/1.1 200"))
        #expect(other.utf8.count > 18_000_000)
        try eventually {
            let own = try answer(try service.send(request("GET", "/backup")))
            return own.hasPrefix("HTTP/1.1 200")
        }
        // A copy without a name is on the disk as long as a descriptor is open.
        try eventually {
            try !Self.openFiles().contains { $0.contains("\(service.folder.path)/a.db.backup") }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: service.folder.path)
        #expect(!names.contains { $0.contains("backup") }, "\(names)")
    }

    private static func openFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
            var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let length = target.withUnsafeMutableBytes {
                readlink(
                    "/proc/self/fd/\(name)", $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
            }
            return length > 0 ? String(decoding: target[..<length], as: UTF8.self) : nil
        }
    }

    @Test("A deletion stops when its token is revoked, and reports how many were deleted")
    func deletion() throws {
        let path = FileManager.default.temporaryDirectory.appending(
            path: "access-\(UUID().uuidString)"
        ).path
        defer { unlink(path) }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        func write(_ tokens: [String]) throws {
            let lines = tokens.map { AccessList.line(name: $0, scopes: .admin, token: $0)! }
            try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        }
        try write(["goes", "stays"])
        let access = try AccessControl(path: path, realm: "test", logger: logger)
        let service = try Service(access: access)
        func bearer(_ token: String) -> String { "Authorization: Bearer \(token)\r\n" }
        let event = "{\"event_type\":\"a\",\"severity\":\"info\",\"title\":\"t\"}"
        let body = "[\([String](repeating: event, count: 3000).joined(separator: ","))]"
        let stored = try answer(
            try service.send(
                request(
                    "POST", "/events", bearer("stays") + "Content-Length: \(body.utf8.count)\r\n")
                    + body))
        try #require(stored.hasPrefix("HTTP/1.1 200"), "\(stored)")

        // The writer is held, so the first thousand are found but not yet deleted.
        let isHeld = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        service.repository.delete(id: Array("nothing".utf8)) { _ in
            isHeld.signal()
            _ = gate.wait(timeout: .now() + 60)
        }
        isHeld.wait()
        let target = "/events?severity=info"
        let deletion = try service.send(request("DELETE", target, bearer("goes")))
        try awaitTurn(service)
        try write(["stays"])
        #expect(access.reload())
        gate.signal()
        let problem = try answer(deletion)
        #expect(problem.hasPrefix("HTTP/1.1 503"), "\(problem)")
        #expect(problem.contains("the client's access was revoked"), "\(problem)")
        #expect(problem.contains("1000 events are deleted"), "\(problem)")
        let rest = try answer(try service.send(request("DELETE", target, bearer("stays"))))
        #expect(rest.contains("{\"deleted\":2000}"), "\(rest)")
    }
}
