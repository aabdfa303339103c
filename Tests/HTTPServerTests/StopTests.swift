import Foundation
import Logging
import Synchronization
import System
import Testing

@testable import HTTPServer

@Suite("Stopping")
struct StopTests {
    private static let request = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Stops `server` in another thread; the result comes when it has stopped.
    private func stop(_ server: TestServer, timeout: Duration) -> Stopping {
        let stopping = Stopping()
        Thread { stopping.finish(server.server.stop(timeout: timeout)) }.start()
        return stopping
    }

    private final class Stopping: Sendable {
        private let result = Mutex<Bool?>(nil)

        func finish(_ wasInTime: Bool) { result.withLock { $0 = wasInTime } }

        func wasInTime() throws -> Bool {
            try eventually("the server stops") { result.withLock { $0 != nil } }
            return result.withLock { $0 == true }
        }
    }

    @Test("Closes idle connections, and later ones")
    func idle() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readAnswer().code == 200)
        let silent = try server.connect()
        try server.awaitConnections(2)
        #expect(try stop(server, timeout: .seconds(600)).wasInTime())
        #expect(try client.isAtEnd())
        #expect(try silent.isAtEnd())
        #expect(server.server.connectionCount == 0)
        #expect(throws: Client.Failure.self) { try server.connect() }
        #expect(Descriptors.count(onPort: server.port) == 0)
    }

    @Test("Lets a postponed request finish, and says that it was the last")
    func inFlight() throws {
        let later = LaterRoute()
        let server = try TestServer(loops: 1, routes: [later.route])
        let client = try server.connect()
        client.send(Self.request)
        let pending = try later.take(1)
        let idle = try server.connect()
        try server.awaitConnections(2)
        let stopping = stop(server, timeout: .seconds(600))
        // Idle connections end first, which shows that the server is stopping.
        #expect(try idle.isAtEnd())
        pending[0].complete { $0.body = Array("done".utf8) }
        let answer = try client.readAnswer()
        #expect(answer.text == "done")
        #expect(answer.closes)
        #expect(try client.isAtEnd())
        client.close()
        #expect(try stopping.wasInTime())
    }

    @Test("Lets a request that is still coming finish")
    func beingReceived() throws {
        var limits = HTTPLimits()
        limits.stallTimeout = .seconds(600)
        let server = try TestServer(loops: 1, limits: limits)
        let head = try server.connect()
        head.send("GET / HTTP/1.1\r\nHo")
        let body = try server.connect()
        body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        try head.awaitRead()
        try body.awaitRead()
        let idle = try server.connect()
        try server.awaitConnections(3)
        let stopping = stop(server, timeout: .seconds(600))
        // Idle connections end first, which shows that the server is stopping.
        #expect(try idle.isAtEnd())
        head.send("st: a\r\n\r\n")
        body.send("lo")
        for client in [head, body] {
            let answer = try client.readAnswer()
            #expect(answer.code == 200)
            #expect(answer.closes)
            #expect(try client.isAtEnd())
            client.close()
        }
        #expect(try stopping.wasInTime())
    }

    @Test("Clients that move no byte when it is their turn are not waited for")
    func stalled() throws {
        let later = LaterRoute()
        let large = TestServer.route(.get, "/large") { _, response in
            response.body = [UInt8](repeating: 65, count: 32 << 20)
        }
        let pieces = TestServer.route(.get, "/pieces") { _, response in
            response.source = { $0.send([UInt8](repeating: 65, count: 64 * 1024)) }
        }
        let server = try TestServer(routes: [later.route, large, pieces])
        let body = try server.connect()
        body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        let head = try server.connect()
        head.send("GET / HTTP/1.1\r\nHo")
        for client in [body, head] { try client.awaitRead() }
        let readers = try ["/large", "/pieces"].map { path in
            let client = try server.connect(isNarrow: true)
            client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.waitForInput(milliseconds: 60_000))
            return client
        }
        // It is not this one's turn.
        let waiting = try server.connect()
        waiting.send(Self.request)
        let pending = try later.take(1)
        let stopping = stop(server, timeout: .seconds(600))
        try server.awaitConnections(1)
        let answer = try body.readAnswer()
        #expect((answer.code, answer.closes) == (503, true))
        for client in [body, head] + readers { #expect(client.losesConnection()) }
        pending[0].complete { $0.body = [65] }
        #expect(try waiting.readAnswer().text == "A")
        #expect(try stopping.wasInTime())
    }

    @Test("Ends what does not end by itself, when its time is up")
    func timeout() throws {
        let later = LaterRoute()
        let server = try TestServer(routes: [later.route])
        let client = try server.connect()
        client.send(Self.request)
        let pending = try later.take(1)
        #expect(try !stop(server, timeout: .milliseconds(50)).wasInTime())
        #expect(client.losesConnection())
        #expect(server.server.connectionCount == 0)
        #expect(Descriptors.count(onPort: server.port) == 0)
        // Nobody is left to take it.
        pending[0].complete { _ in }
    }

    @Test("Is no harm when all has stopped already")
    func twice() throws {
        let server = try TestServer()
        #expect(try stop(server, timeout: .seconds(600)).wasInTime())
        #expect(try stop(server, timeout: .seconds(600)).wasInTime())
    }

    @Test("Leaves no connection open that arrives at the same time", arguments: 0..<20)
    func race(round: Int) throws {
        let server = try TestServer(loops: 4)
        let port = server.port
        let storm = Storm(port: port)
        try eventually("connections come") { storm.attempts > 20 + round }
        server.server.stop(timeout: .seconds(600))
        try storm.end()
        #expect(server.server.connectionCount == 0)
        #expect(Descriptors.count(onPort: port) == 0)
    }

    /// A thread that connects and disconnects, over and over.
    private final class Storm: Sendable {
        private let attemptCount = Atomic<Int>(0)
        private let isEnding = Atomic<Bool>(false)
        private let hasEnded = Atomic<Bool>(false)

        init(port: UInt16) {
            Thread {
                while !self.isEnding.load(ordering: .relaxed) {
                    _ = try? Client(port: port)
                    self.attemptCount.wrappingAdd(1, ordering: .relaxed)
                }
                self.hasEnded.store(true, ordering: .releasing)
            }.start()
        }

        var attempts: Int { attemptCount.load(ordering: .relaxed) }

        func end() throws {
            isEnding.store(true, ordering: .relaxed)
            try eventually("the thread ends") { hasEnded.load(ordering: .acquiring) }
        }
    }

    @Test("A start that fails half-way ends the threads that it began, and can be tried again")
    func failedStart() async {
        await #expect(processExitsWith: .success) {
            try TestServer.run { _ in }
            try eventually("its threads end") { Self.loopThreads == 0 }
            let before = Descriptors.open.count
            var configuration = ServerConfiguration(
                addresses: [.tcp(host: "127.0.0.1", port: 0)], loops: 256)
            configuration.maxConnections = 8
            let server = Server(
                configuration, router: Router(TestServer.routes), logger: Logger(label: "test"))
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            // Space for some of the stacks.
            var narrow = limit
            narrow.rlim_cur = rlim_t(Self.addressSpace + (512 << 20))
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &narrow)
            #expect(throws: SystemError.self) { try server.start() }
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            try eventually("the threads end") { Self.loopThreads == 0 }
            try eventually("the descriptors are closed") { Descriptors.open.count <= before }
            try server.start()
            #expect(server.stop(timeout: .seconds(60)))
        }
    }

    /// The number of this process's threads that are event loops.
    private static var loopThreads: Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.count { task in
            let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
            return name?.hasPrefix("loop-") == true
        }
    }

    /// The address space in bytes.
    private static var addressSpace: Int {
        let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (pages?.split(separator: " ").first.flatMap { Int($0) } ?? 0) * 4096
    }

    @Test("Gives back every descriptor, and what it listened on can be listened on again")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            // The runtime opens its own descriptors once.
            try TestServer.run { _ in }
            let before = Descriptors.open.count
            for _ in 0..<10 {
                try TestServer.run { server in
                    let client = try server.connect()
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try client.readAnswer()
                }
            }
            // Threads release their loops slightly after they report their end, those of the first
            // server too.
            try eventually("the descriptors are closed") { Descriptors.open.count <= before }
        }
    }
}
