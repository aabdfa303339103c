import Foundation
import Testing

/// Traces that clients leave, however they end.
@Suite("Endings and memory", .serialized)
struct EndingTests {
    private enum Ending: CaseIterable {
        case silent, silentReset, answered, answeredReset, unread, unreadReset, halfClosed
        case midHead, midHeadReset, midBody, midBodyReset, midChunk, beforeContinue
        case midAnswer, midAnswerReset, pipelinedAndGone, pipelinedAndReset
        case storedAndReset, notFound, unprocessable, malformed, malformedReset, tooLong
        case lastOne, oldProtocol, unwantedBody, hello
        case headerTimeout, bodyTimeout, idleTimeout, writeTimeout
    }

    private static let waits = ["header-timeout", "idle-timeout", "write-timeout"]

    /// Starts a connection; returns the client if the server must end it.
    private func begin(_ ending: Ending, _ server: LogbookProcess) throws -> RawClient? {
        let get = RawClient.request("GET", "/healthz")
        let post = "POST /events HTTP/1.1\r\nHost: h\r\n"
        let page = RawClient.request("GET", "/events?limit=1000")
        let client = try RawClient(
            port: server.port,
            isNarrow: [.midAnswer, .midAnswerReset, .writeTimeout].contains(ending))
        switch ending {
        case .silent: break
        case .silentReset: client.resetAtEnd()
        case .answered: _ = try client.exchange("GET", "/healthz")
        case .answeredReset:
            _ = try client.exchange("GET", "/healthz")
            client.resetAtEnd()
        case .unread: try client.send(get)
        case .unreadReset:
            try client.send(get)
            client.resetAtEnd()
        case .halfClosed:
            try client.send(get)
            client.finishSending()
            return client
        case .midHead: try client.send("GET /heal")
        case .midHeadReset:
            try client.send("GET /heal")
            client.resetAtEnd()
        case .midBody: try client.send("\(post)Content-Length: 100\r\n\r\n{")
        case .midBodyReset:
            try client.send("\(post)Content-Length: 100\r\n\r\n{")
            client.resetAtEnd()
        case .midChunk: try client.send("\(post)Transfer-Encoding: chunked\r\n\r\nff\r\n{")
        case .beforeContinue:
            try client.send("\(post)Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
        case .midAnswer:
            try client.send(page)
            try client.readSome()
        case .midAnswerReset:
            try client.send(page)
            try client.readSome()
            client.resetAtEnd()
        case .pipelinedAndGone: try client.send(String(repeating: get, count: 100))
        case .pipelinedAndReset:
            try client.send(String(repeating: get, count: 100))
            client.resetAtEnd()
        case .storedAndReset:
            // The same event each time, so the file does not grow.
            try client.send(RawClient.request("POST", "/events", NewEvent(id: "same").json))
            client.resetAtEnd()
        case .notFound: _ = try client.exchange("GET", "/nowhere")
        case .unprocessable: _ = try client.exchange("POST", "/events", "{}")
        case .malformed:
            try client.send("GET / HTTP/1.1\r\n\r\n")
            return client
        case .malformedReset:
            try client.send("GET / HTTP/1.1\r\n\r\n")
            client.resetAtEnd()
        case .tooLong:
            try client.send("\(post)Content-Length: 100000000\r\n\r\n{")
            return client
        case .lastOne:
            try client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            return client
        case .oldProtocol:
            try client.send("GET / HTTP/1.0\r\n\r\n")
            return client
        case .unwantedBody:
            try client.send("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        case .hello:
            try client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
            return client
        case .headerTimeout:
            try client.send("GET /heal")
            return client
        case .bodyTimeout:
            try client.send("\(post)Content-Length: 100\r\n\r\n{")
            return client
        case .idleTimeout:
            try client.send(get)
            return client
        case .writeTimeout:
            try client.send(page + page + page)
            return client
        }
        return nil
    }

    /// Starts some clients of every kind, and ends each of them.
    private func everyKind(_ count: Int, _ server: LogbookProcess) throws {
        var open: [RawClient] = []
        for ending in Ending.allCases.reversed() {
            for _ in 0..<count {
                // On a busy machine a timeout may come first; that is an ending too.
                do { if let client = try begin(ending, server) { open.append(client) } } catch {}
            }
        }
        // Those that must not read early come last.
        for client in open.reversed() { client.readToAnyEnd() }
    }

    /// Waits until the only sockets left are the listener, standard output, standard error and what
    /// the store needs; returns what is open then.
    private func awaitRest(_ server: LogbookProcess) throws -> [String: Int] {
        let deadline = Patience.deadline
        // Of the writer, of the lookout, and of four readers.
        let most = TestStore.isPostgreSQL ? 9 : 3
        while true {
            let open = try server.descriptors()
            if (3...most).contains(open["socket"] ?? 0) { return open }
            guard Date() < deadline else { throw HarnessError("connections stay open: \(open)") }
            usleep(5_000)  // There is no event to wait for: only asking tells.
        }
    }

    @Test("10,000 connections of every kind leave descriptors and memory unchanged")
    func everyKindOfEnding() throws {
        let server = try LogbookProcess(
            flags: Self.waits.flatMap { ["--\($0)", "0.3"] })
        // A page is larger than the buffers between server and client.
        let text = String(repeating: "d", count: 60_000)
        try server.store((0..<10).map { NewEvent(id: "e\($0)", description: text) })
        let rounds = 5
        let count = 10_000 / rounds / Ending.allCases.count + 1
        // The first round opens readers, and makes the allocator keep its peak.
        try everyKind(count, server)
        let before = try awaitRest(server)
        // Four hundred bytes kept for each connection would add more each time. Memory that the
        // allocator keeps for the largest number of busy connections, which depends on the
        // machine's load, adds up only once.
        var growth = Int.max
        var after = before
        for _ in 1...3 where growth >= 4_000_000 {
            let memory = try server.anonymousMemory()
            for _ in 0..<rounds { try everyKind(count, server) }
            after = try awaitRest(server)
            growth = try server.anonymousMemory() - memory
        }
        #expect(growth < 4_000_000)
        // Readers open the database when first needed: one for each event loop and four for long
        // reads, besides those of the writer and of checkpoints.
        let isConnection = { (kind: String) in !kind.hasPrefix("/") }
        #expect(after.filter { isConnection($0.key) } == before.filter { isConnection($0.key) })
        let readers = ProcessInfo.processInfo.activeProcessorCount + 4
        #expect((after[server.database] ?? 0) <= 2 + readers, "\(after)")
        #expect(try server.exchange("GET", "/events/same").status == 200)
        try server.stop()
    }
}
