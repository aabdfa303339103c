import Testing

@testable import HTTPServer

/// In each of these, one wait is short, and all others are longer than the client's patience.
@Suite("Deadlines")
struct DeadlineTests {
    private static let short = Duration.milliseconds(100)

    /// Limits in which only the waits that `shorten` sets are short.
    private func limits(_ shorten: (inout HTTPLimits) -> Void) -> HTTPLimits {
        var limits = HTTPLimits()
        for wait in [
            \HTTPLimits.headerTimeout, \.bodyGrace, \.bodyIdleTimeout, \.idleTimeout,
            \.writeTimeout,
            \.streamWriteTimeout, \.answerGrace, \.lingerTimeout,
        ] {
            limits[keyPath: wait] = .seconds(600)
        }
        shorten(&limits)
        return limits
    }

    /// Sends `piece` again and again, which must not prevent the 408.
    private func expectTimeout(_ client: Client, sending piece: String) throws {
        let end = ContinuousClock.now + .seconds(Client.patienceSeconds)
        repeat {
            guard ContinuousClock.now < end else { throw NeverHappened(description: "a 408") }
            client.send(piece)
        } while !client.waitForInput(milliseconds: 20)
        #expect(try client.readAnswer().code == 408)
    }

    @Test("A client that says nothing is let go")
    func silent() throws {
        let limits = limits {
            $0.headerTimeout = Self.short
            $0.lingerTimeout = Self.short
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            #expect(try client.isAtEnd())
            try server.awaitConnections(0)
        }
    }

    @Test(
        "A head that does not end is a 408",
        arguments: ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n"])
    func header(head: String) throws {
        let limits = limits {
            $0.headerTimeout = Self.short
            $0.lingerTimeout = Self.short
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send(head)
            let answer = try client.readAnswer()
            #expect(answer.code == 408)
            #expect(answer.closes)
            #expect(try client.isAtEnd())
            try server.awaitConnections(0)
        }
    }

    @Test("A head's time runs from its first byte, not from the last")
    func dribble() throws {
        let limits = limits { $0.headerTimeout = .milliseconds(300) }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
            try expectTimeout(client, sending: "a")
        }
    }

    @Test("A head that begins in the packet that ended the last one has no more time than others")
    func pipelinedHeader() throws {
        let limits = limits { $0.headerTimeout = .milliseconds(500) }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HT")
            try client.awaitRead()
            client.send("TP/1.1\r\nHost: a\r\n\r\nGET / HT")
            #expect(try client.readAnswer().code == 200)
            #expect(try client.readAnswer().code == 408)
        }
    }

    @Test("A connection at rest is closed without a word")
    func idle() throws {
        let limits = limits {
            $0.idleTimeout = Self.short
            $0.lingerTimeout = Self.short
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try client.readAnswer()
            #expect(answer.code == 200)
            #expect(!answer.closes)
            #expect(try client.isAtEnd())
            try server.awaitConnections(0)
        }
    }

    @Test("A request that arrives as its connection is dropped meets an end, not a reset")
    func idleRace() throws {
        let limits = limits { $0.idleTimeout = Self.short }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readAnswer().code == 200)
            #expect(client.waitForInput(milliseconds: 60_000))
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try client.awaitRead()
            #expect(try client.isAtEnd())
        }
    }

    @Test(
        "A body that arrives too slowly is a 408",
        arguments: ["Content-Length: 100\r\n\r\nhel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
    func body(rest: String) throws {
        let limits = limits {
            $0.bodyGrace = Self.short
            $0.bodyBytesPerSecond = 1_000_000
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\n\(rest)")
            let answer = try client.readAnswer()
            #expect(answer.code == 408)
            #expect(answer.closes)
            #expect(try client.isAtEnd())
        }
    }

    @Test("A body that keeps to the least rate is waited for")
    func steadyBody() throws {
        let window = Duration.milliseconds(100)
        let limits = limits {
            $0.bodyGrace = window
            $0.bodyBytesPerSecond = 1000
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            let body = String(repeating: "a", count: limits.leastBodyBytes)
            let start = ContinuousClock.now
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n\(body)")
            #expect(try client.readAnswer().code == 408)
            // Nothing came in the second window, so the answer cannot be earlier than that.
            #expect(ContinuousClock.now - start >= window * 2)
        }
    }

    @Test("Chunk extensions are no progress")
    func extensions() throws {
        let limits = limits {
            $0.bodyGrace = .milliseconds(300)
            $0.bodyBytesPerSecond = 10_000
            $0.chunkOverheadBytes = .max
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "1;\(String(repeating: "a", count: 4000))\r\nx\r\n"
            try expectTimeout(client, sending: chunk)
        }
    }

    @Test("A body that never arrives is a 408, however low the rate is")
    func noBody() throws {
        let limits = limits {
            $0.bodyGrace = Self.short
            $0.bodyBytesPerSecond = 0
        }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            #expect(try client.readAnswer().code == 408)
        }
    }

    @Test("An unwanted body is not waited for longer than others")
    func drain() throws {
        let limits = limits { $0.bodyGrace = Self.short }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
            #expect(try client.readAnswer().code == 200)
            // A second answer would be taken for that of the next request.
            #expect(try client.isAtEnd())
        }
    }

    @Test("A client that takes no byte of an answer is let go")
    func write() throws {
        let limits = limits { $0.writeTimeout = Self.short }
        try TestServer.run(routes: [Self.large], limits: limits) { server in
            let client = try server.connect(isNarrow: true)
            client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.waitForInput(milliseconds: 60_000))
            try server.awaitConnections(0)
            #expect(client.losesConnection())
        }
    }

    @Test(
        "A client that takes an answer too slowly is let go, though it takes some",
        arguments: [false, true])
    func slowAnswer(inPieces: Bool) throws {
        let limits = limits {
            $0.answerGrace = .milliseconds(300)
            $0.answerBytesPerSecond = 10_000_000
        }
        let routes = [Self.large, Self.pieces(isLive: false)]
        try TestServer.run(routes: routes, limits: limits) { server in
            let client = try server.connect(isNarrow: true)
            client.send("GET \(inPieces ? "/pieces" : "/large") HTTP/1.1\r\nHost: a\r\n\r\n")
            // Each read lets the server send more.
            try eventually("the connection is closed") {
                _ = try? client.receiveSome(1000)
                return server.server.connectionCount == 0
            }
        }
    }

    @Test("A live stream has no least speed")
    func slowLiveStream() throws {
        let limits = limits {
            $0.answerGrace = .milliseconds(50)
            $0.answerBytesPerSecond = 10_000_000
        }
        try TestServer.run(routes: [Self.pieces(isLive: true)], limits: limits) { server in
            let client = try server.connect(isNarrow: true)
            client.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.waitForInput(milliseconds: 60_000))
            // Another connection's wait is several windows long.
            let short = Self.short
            let start = ContinuousClock.now
            while ContinuousClock.now - start < short * 3 {
                let other = try server.connect()
                other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try other.readAnswer().code == 200)
            }
            #expect(server.server.connectionCount >= 1)
            for _ in 0..<100 { #expect(try !client.receiveAsIs().isEmpty) }
        }
    }

    @Test(
        "A live stream ends after its lifetime, whole, even if nothing comes",
        arguments: [true, false])
    func lifetime(sends: Bool) throws {
        let route = TestServer.route(.get, "/live") { _, response in
            response.isLive = true
            response.lifetime = Self.short
            response.source = { demand in
                if sends { demand.send([UInt8](repeating: 65, count: 10)) }
            }
        }
        try TestServer.run(routes: [route]) { server in
            let client = try server.connect()
            client.send("GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n0\r\n\r\n"))
            #expect(answer.contains("\r\na\r\nAAAAAAAAAA\r\n") == sends)
        }
    }

    @Test("Between two items a body may pause, for a while; within one it may not")
    func pausingBody() throws {
        // An item ends in a line feed.
        func run(_ limits: HTTPLimits, sending text: String, _ code: Int) throws {
            let route = TestServer.route(
                .post, "/lines", bodyLimit: 1, takesPieces: { _ in true }, Self.lines)
            try TestServer.run(routes: [route], limits: limits) { server in
                let client = try server.connect()
                client.send("POST /lines HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n\(text)")
                let answer = try client.readAnswer()
                #expect((answer.code, answer.closes) == (408, true))
                #expect(answer.text == "\(code) of \(text.utf8.count)")
            }
        }
        let strict = limits { $0.bodyGrace = Self.short }
        try run(strict, sending: "half", 408)
        try run(strict, sending: "line\nhalf", 408)
        let patient = limits {
            $0.bodyGrace = .milliseconds(1)
            $0.bodyIdleTimeout = Self.short
        }
        for text in ["line\n", ""] {
            let start = ContinuousClock.now
            try run(patient, sending: text, 408)
            #expect(ContinuousClock.now - start >= Self.short)
        }
    }

    @Test("A body may pause between two items even if its receiver was full before")
    func pauseAfterFull() throws {
        let handler: Route.Handler = { request, _ in
            final class State { var pending: PendingResponse? }
            let state = State()
            state.pending = request.receiveBody { part in
                switch part {
                case .piece: state.pending?.receiveMore(.idle)
                case .end: break
                case .cut: state.pending?.complete { $0.status = .requestTimeout }
                }
                return .full
            }
        }
        let route = TestServer.route(
            .post, "/full", bodyLimit: 1, takesPieces: { _ in true }, handler)
        let limits = limits {
            $0.bodyGrace = .milliseconds(1)
            $0.bodyIdleTimeout = Self.short
        }
        try TestServer.run(routes: [route], limits: limits) { server in
            let client = try server.connect()
            let start = ContinuousClock.now
            client.send("POST /full HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
            #expect(try client.readAnswer().code == 408)
            #expect(ContinuousClock.now - start >= Self.short)
        }
    }

    /// Takes a body in items, and answers with the status and the number of bytes.
    static let lines: Route.Handler = { request, _ in
        final class State { var count = 0, pending: PendingResponse? }
        let state = State()
        state.pending = request.receiveBody(readiness: .idle) { part in
            switch part {
            case .piece(let bytes):
                state.count += bytes.count
                return bytes.last == UInt8(ascii: "\n") ? .idle : .ready
            case .end: state.pending?.complete { _ in }
            case .cut(let error):
                let count = state.count
                state.pending?.complete { response in
                    response.status = error.status
                    response.body = Array("\(error.status.code) of \(count)".utf8)
                }
            }
            return .ready
        }
    }

    private static func pieces(isLive: Bool) -> Route {
        TestServer.route(.get, "/pieces") { _, response in
            response.isLive = isLive
            response.source = { $0.send([UInt8](repeating: 65, count: 64 * 1024)) }
        }
    }

    @Test("Asking for more does not lengthen the time to take an answer")
    func writeWhileWaiting() throws {
        let later = LaterRoute()
        let limits = limits {
            $0.writeTimeout = Self.short
            $0.outputBytes = 1 << 30
        }
        try TestServer.run(routes: [Self.large, later.route], limits: limits) { server in
            let client = try server.connect(isNarrow: true)
            // As many as are answered at once, so that the last one is handled when the first
            // answer is already stuck.
            let root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            let others = String(repeating: root, count: limits.requestsPerWake - 1)
            client.send(
                "GET /large HTTP/1.1\r\nHost: a\r\n\r\n\(others)"
                    + "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let response = try later.take(1)[0]
            try server.awaitConnections(0)
            response.complete { _ in }
        }
    }

    @Test("A client that keeps the last answer's connection is let go")
    func linger() throws {
        let limits = limits { $0.lingerTimeout = Self.short }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try client.readAnswer().code == 400)
            #expect(try client.isAtEnd())
            try server.awaitConnections(0)
        }
    }

    @Test("Bytes after a refused request do not cost the client its answer")
    func lingerReads() throws {
        let limits = limits { _ in }
        try TestServer.run(limits: limits) { server in
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\n\r\n")
            // If the server closed with this unread, it would reset the connection.
            client.send([UInt8](repeating: 65, count: 1 << 20))
            client.finishSending()
            let answers = try Answer.readAll(client.readToEnd())
            #expect(answers.map(\.code) == [400])
            try server.awaitConnections(0)
        }
    }

    /// An answer larger than the buffers between server and client.
    private static let large = TestServer.route(.get, "/large") { _, response in
        response.body = [UInt8](repeating: 65, count: 32 << 20)
    }
}
