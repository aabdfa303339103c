import Testing

@testable import HTTPServer

@Suite("Connections at a time")
struct ConnectionLimitTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Sends a request and reads its answer.
    private func exchange(_ client: Client) throws {
        client.send(Self.request)
        #expect(try client.readAnswer().code == 200)
    }

    @Test("Beyond the limit the connection that has waited longest for a request is closed")
    func longestResting() throws {
        try TestServer.run(loops: 3, maxConnections: 4) { server in
            let clients = try (0..<4).map { _ in
                let client = try server.connect()
                try exchange(client)
                return client
            }
            // The first and the third have been used since.
            try exchange(clients[0])
            try exchange(clients[2])
            for (displaced, next) in [(1, try server.connect()), (3, try server.connect())] {
                try exchange(next)
                #expect(try clients[displaced].isAtEnd())
                #expect(server.server.connectionCount <= 4)
            }
            try exchange(clients[0])
            try exchange(clients[2])
            #expect(server.server.figures.displaced == 2)
        }
    }

    @Test(
        "Silent clients, and those that never finish a head, do not keep others out",
        arguments: ["", "GET / HTTP/1.1\r\nHost"])
    func silent(beginning: String) throws {
        try TestServer.run(maxConnections: 4) { server in
            let idle = try (0..<12).map { _ in
                let client = try server.connect()
                if !beginning.isEmpty { client.send(beginning) }
                return client
            }
            for _ in 0..<8 { try exchange(try server.connect()) }
            for client in idle.prefix(8) { #expect(client.losesConnection()) }
        }
    }

    @Test("Where all are at work the next waits until one closes")
    func next() throws {
        let later = LaterRoute()
        try TestServer.run(routes: [later.route], maxConnections: 2) { server in
            let clients = try (0..<2).map { _ in try server.connect() }
            // One after the other, because two loops take them in any order.
            let pending = try clients.flatMap { client in
                client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
                return try later.take(1)
            }
            // The kernel accepts it; the server does not.
            let next = try server.connect()
            next.send(Self.request)
            try eventually("a pause") { server.server.figures.heldBackByConnections > 0 }
            #expect(!next.hasInput)
            #expect(server.server.connectionCount == 2)
            clients[1].close()
            pending[1].complete { _ in }
            #expect(try next.readAnswer().code == 200)
            pending[0].complete { $0.body = [65] }
            #expect(try clients[0].readAnswer().text == "A")
        }
    }

    @Test("An answer that is on its way is not cut off for another connection")
    func answering() throws {
        let large = TestServer.route(.get, "/large") { _, response in
            response.body = [UInt8](repeating: 65, count: 32 << 20)
        }
        try TestServer.run(loops: 1, routes: [large], maxConnections: 1) { server in
            let reader = try server.connect(isNarrow: true)
            reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(reader.waitForInput(milliseconds: 60_000))
            let next = try server.connect()
            try eventually("a pause") { server.server.figures.heldBackByConnections > 0 }
            #expect(try reader.readAnswer().body.count == 32 << 20)
            // Now it is idle.
            try exchange(next)
            #expect(try reader.isAtEnd())
        }
    }

    private static let lines = TestServer.route(
        .post, "/lines", bodyLimit: 1, takesPieces: { _ in true }, DeadlineTests.lines)

    /// Begins a body of items, each ending in a line feed.
    private func begin(_ server: TestServer, _ text: String) throws -> Client {
        let client = try server.connect()
        client.send("POST /lines HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n\(text)")
        try client.awaitRead()
        return client
    }

    @Test("Where none waits for a request, the body that has paused longest ends, and is answered")
    func longestPause() throws {
        try TestServer.run(loops: 1, routes: [Self.lines], maxConnections: 4) { server in
            let first = try begin(server, "line\n")
            let second = try begin(server, "line\n")
            // In the middle of an item, so it is busy.
            let third = try begin(server, "half")
            let resting = try server.connect()
            try exchange(resting)
            first.send("\n")
            try first.awaitRead()
            let fourth = try begin(server, "half")
            #expect(try resting.isAtEnd())
            try exchange(try server.connect())
            let answer = try second.readAnswer()
            #expect((answer.code, answer.closes) == (503, true))
            #expect(answer.text == "503 of 5")
            for (client, rest) in [(first, "last"), (third, " line\n"), (fourth, " line\n")] {
                client.send(rest)
                #expect(try client.readAnswer().code == 200)
            }
            #expect(server.server.figures.displaced == 2)
        }
    }

    @Test("One body that pauses ends for one connection, on whichever loop")
    func pausesOfLoops() throws {
        try TestServer.run(loops: 3, routes: [Self.lines], maxConnections: 3) { server in
            let clients = try (0..<3).map { _ in try begin(server, "line\n") }
            let next = try begin(server, "half")
            let ended = clients.filter(\.hasInput)
            #expect(ended.count == 1)
            #expect(server.server.figures.displaced == 1)
            for client in clients where client !== ended.first {
                client.send("line\n")
                #expect(try client.readAnswer().code == 200)
            }
            next.send(" line\n")
            #expect(try next.readAnswer().code == 200)
        }
    }

    @Test("Endpoints with paths of their own have connections of their own, and are bounded, too")
    func limitedEndpoints() throws {
        let address = ListenAddress.tcp(host: "127.0.0.1", port: 0)
        let probes = Endpoint(address, paths: ["/"])
        try TestServer.run(maxConnections: 2, further: [probes]) { server in
            let later = try (0..<2).map { _ in
                let client = try server.connect()
                client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
                return client
            }
            for client in later { try client.awaitRead() }
            let port = server.server.addresses[1].port!
            let idle = try (0..<200).map { _ in try Client(port: port) }
            let probe = try Client(port: port)
            try exchange(probe)
            #expect(idle[0].losesConnection())
            for client in later {
                client.send("lo")
                #expect(try client.readAnswer().code == 200)
            }
        }
    }

    @Test("Many take turns in few places")
    func turns() throws {
        try TestServer.run(maxConnections: 3) { server in
            for _ in 0..<30 {
                let client = try server.connect()
                client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(try client.readAnswer().code == 200)
                #expect(server.server.connectionCount <= 3)
                client.close()
            }
            try server.awaitConnections(0)
        }
    }

    @Test("Connections are dealt evenly over the loops")
    func dealing() throws {
        let perLoop = LoopCounts()
        let route = TestServer.route(.get, "/loop") { request, _ in perLoop.add(request.loopIndex) }
        try TestServer.run(loops: 4, routes: [route]) { server in
            let clients = try (0..<12).map { _ in try server.connect() }
            for client in clients {
                client.send("GET /loop HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readAnswer().code == 200)
            }
            #expect(perLoop.counts == [0: 3, 1: 3, 2: 3, 3: 3])
        }
    }
}
