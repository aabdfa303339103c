import Access
import EventStore
import Events
import Foundation
import HTTPServer
import Logging
import SQLiteStore
import Synchronization
import Testing

@testable import LogbookAPI

/// Streams of a hub on a real event loop, over a real store.
@Suite("StreamHub", .serialized)
struct StreamHubTests {
    /// A store, its interface, and one event loop.
    final class Service {
        let repository: SQLiteRepository
        let elsewhere: ElsewhereStore
        let api: LogbookAPI
        let server: Server
        let folder: URL

        /// - Parameter isLocal: true if the store answers at once.
        init(
            streams: Int = 8, limits: HTTPLimits = HTTPLimits(), access: AccessControl? = nil,
            queryTimeLimit: Duration = .seconds(10), isLocal: Bool = true,
            routes: (LogbookAPI) -> [Route] = { _ in [] }
        ) throws {
            folder = FileManager.default.temporaryDirectory.appending(
                path: "api-tests-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let now = { @Sendable in Timestamp(milliseconds: 1_795_429_845_123)! }
            var store = StoreConfiguration(path: folder.appending(path: "a.db").path)
            store.queryTimeLimit = queryTimeLimit
            repository = SQLiteRepository(store, logger: logger, now: now)
            elsewhere = ElsewhereStore(repository)
            api = LogbookAPI(
                isLocal ? repository : elsewhere, loops: 1, bodyLimit: 1 << 20,
                streams: streams, heartbeat: .seconds(60), redaction: nil, version: "test", now: now
            )
            var configuration = ServerConfiguration(
                endpoints: [Endpoint(.tcp(host: "127.0.0.1", port: 0), credentials: nil)], loops: 1)
            configuration.afterTurn = api.endTurn
            configuration.limits = limits
            configuration.access = access
            server = Server(
                configuration, router: Router(api.routes + routes(api)), logger: logger)
            try server.start()
            repository.commits.subscribe { [server] in server.wake() }
            try repository.open()
        }

        deinit {
            api.endStreams()
            server.stop(timeout: .seconds(10))
            repository.close()
            try? FileManager.default.removeItem(at: folder)
        }

        /// Sends a request and returns the open socket as a file.
        ///
        /// - Parameter client: the last part of its address, by which clients are told apart.
        func send(_ request: String, from client: UInt32 = 1) throws -> FileHandle {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var patience = timeval(tv_sec: 60, tv_usec: 0)
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience,
                socklen_t(MemoryLayout<timeval>.size))
            func use(
                _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ host: UInt32,
                _ port: UInt16
            ) -> Int32 {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = (0x7F00_0000 + host).bigEndian
                return withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
            }
            try #require(use(bind, client, 0) == 0)
            try #require(use(connect, 1, server.addresses[0].port!) == 0)
            let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try file.write(contentsOf: Data(request.utf8))
            return file
        }

        /// Sends a request, and gives the connection back.
        func send(bytes: [UInt8]) throws -> FileHandle {
            let file = try send("")
            try file.write(contentsOf: Data(bytes))
            return file
        }

        func stream(_ query: String = "") throws -> FileHandle {
            try send(
                "GET /events/stream\(query) HTTP/1.1\r\nHost: h\r\nAccept: application/x-ndjson\r\nConnection: close\r\n\r\n"
            )
        }

        func post(_ id: String, severity: String = "info") throws {
            let body =
                #"{"id":"\#(id)","event_type":"cluster","severity":"\#(severity)","title":"t"}"#
            let file = try send(
                "POST /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let answer = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
            try #require(answer.hasPrefix("HTTP/1.1 201"), "\(answer)")
        }

        func delete(_ id: String) throws {
            let file = try send(
                "DELETE /events/\(id) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let answer = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
            try #require(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
        }
    }

    /// Reads until `text` has arrived.
    private func read(_ file: FileHandle, until text: String) throws -> String {
        var received = ""
        while !received.contains(text) {
            let data = file.availableData
            try #require(!data.isEmpty, "ended after: \(received)")
            received += String(decoding: data, as: UTF8.self)
        }
        return received
    }

    @Test(
        "A stream that is up to date holds no read, and gets the next event",
        arguments: [true, false])
    func idle(isLocal: Bool) throws {
        let service = try Service(isLocal: isLocal)
        let stream = try service.stream()
        _ = try read(stream, until: "\r\n\r\n")
        for id in ["a", "b", "c"] {
            try service.post(id)
            _ = try read(stream, until: "\"id\":\"\(id)\"")
            try eventually { service.repository.sqliteStatistics.oldestReader == .zero }
        }
    }

    @Test(
        "Streams with equal keys share a read, whatever each of them waits for",
        arguments: [true, false])
    func several(isLocal: Bool) throws {
        let service = try Service(isLocal: isLocal)
        let all = try (0..<3).map { _ in try service.stream() }
        let none = try service.stream("?object_name=nobody")
        for stream in all + [none] { _ = try read(stream, until: "\r\n\r\n") }
        try service.post("a")
        for stream in all { _ = try read(stream, until: "\"id\":\"a\"") }
        let later = try service.stream("?after=0")
        _ = try read(later, until: "\"id\":\"a\"")
        try eventually { service.repository.sqliteStatistics.oldestReader == .zero }
    }

    @Test("Beyond the bound on streams it is 503, until one of them goes")
    func bound() throws {
        let service = try Service(streams: 1)
        var first: FileHandle? = try service.stream()
        _ = try read(first!, until: "\r\n\r\n")
        #expect(try read(try service.stream(), until: "\r\n\r\n").hasPrefix("HTTP/1.1 503"))
        first = nil
        // The slot comes back when the server has seen that its client is gone.
        try eventually { service.api.liveTail.figures.count == 0 }
        #expect(try read(try service.stream(), until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
    }

    @Test(
        "A resume before removed events that its filter admits begins with reset, and repeats nothing",
        arguments: [true, false])
    func reset(isLocal: Bool) throws {
        let service = try Service(isLocal: isLocal)
        // Numbered 1 to 6.
        for (id, severity) in [
            ("a", "error"), ("b", "info"), ("c", "error"), ("d", "info"), ("e", "info"),
            ("f", "error"),
        ] { try service.post(id, severity: severity) }
        try service.delete("d")
        func stream(_ query: String) throws -> String {
            let stream = try service.stream(query)
            return try read(stream, until: "\"id\":\"f\"").components(separatedBy: "\r\n\r\n")[1]
        }
        let missed = try stream("?after=2")
        let lines = missed.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{") }
        #expect(lines.first == "{\"reset\":{\"oldest\":1}}")
        #expect(lines.count == 4)
        #expect(!missed.contains("\"id\":\"a\"") && !missed.contains("\"id\":\"b\""))
        // It has seen the removed event, starts over, or filters it out.
        for query in ["?after=4", "?after=0", "?after=2&severity=error"] {
            #expect(!(try stream(query).contains("reset")), "\(query)")
        }
        // This position never existed.
        #expect(try stream("?after=100").contains("{\"reset\":{\"oldest\":1}}"))
    }

    @Test("A store that answers nothing at once is read elsewhere, for every route")
    func elsewhere() throws {
        let service = try Service(isLocal: false)
        for id in ["a", "b"] { try service.post(id) }
        func get(_ target: String, _ method: String = "GET") throws -> String {
            let file = try service.send(
                "\(method) \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        }
        #expect(try get("/events/a").contains("\"id\":\"a\""))
        #expect(try get("/events/none").hasPrefix("HTTP/1.1 404"))
        #expect(try get("/events?limit=1").contains("\"returned\":1,"))
        #expect(try get("/events/stats?until=2027-01-01T00:00:00Z").contains("\"total\":2"))
        #expect(try get("/events/export").contains("\"id\":\"b\""))
        #expect(try get("/schema").contains("\"journal_mode\":\"wal\""))
        #expect(try get("/schema/migrations").contains("\"version\":2"))
        #expect(try get("/events?severity=info&dry_run=true", "DELETE").contains("\"deleted\":2"))
        #expect(try get("/events?severity=info", "DELETE").contains("\"deleted\":2"))
        #expect(try get("/metrics").contains("\nlogbook_wal_limit_bytes "))
    }

    @Test("While the store cannot be read, streams stay and begin; then they continue")
    func away() throws {
        let service = try Service(isLocal: false)
        let before = try service.stream()
        _ = try read(before, until: "\r\n\r\n")
        service.elsewhere.isAway.store(true, ordering: .relaxed)
        try service.post("a")
        try eventually { service.elsewhere.failures.load(ordering: .relaxed) > 0 }
        let meanwhile = try service.stream("?after=0")
        _ = try read(meanwhile, until: "\r\n\r\n")
        try eventually { service.elsewhere.failures.load(ordering: .relaxed) > 1 }
        service.elsewhere.isAway.store(false, ordering: .relaxed)
        try service.post("b")
        for stream in [before, meanwhile] {
            #expect(try read(stream, until: "\"id\":\"b\"").contains("\"id\":\"a\""))
        }
    }

    @Test("At shutdown streams get the last events and a farewell", arguments: [true, false])
    func ending(isLocal: Bool) throws {
        let service = try Service(isLocal: isLocal)
        let stream = try service.stream()
        _ = try read(stream, until: "\r\n\r\n")
        try service.post("last")
        service.api.endStreams()
        let rest = String(decoding: try stream.readToEnd() ?? Data(), as: UTF8.self)
        #expect(rest.contains("\"id\":\"last\""))
    }
}

/// Polls, because nothing else tells that an event loop has ended its turn or that a slot has come
/// back.
func eventually(_ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !condition() {
        try #require(ContinuousClock.now < deadline)
        usleep(1_000)
    }
}
