import Testing

@testable import HTTPServer

@Suite("Connections at a time")
struct ConnectionLimitTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("The next waits until one closes")
    func next() throws {
        try TestServer.run(maxConnections: 2) { server in
            let clients = try (0..<2).map { _ in try server.connect() }
            for client in clients {
                client.send(Self.request)
                #expect(try client.readAnswer().code == 200)
            }
            // The kernel takes it; the server does not.
            let next = try server.connect()
            next.send(Self.request)
            for _ in 0..<20 {
                clients[0].send(Self.request)
                #expect(try clients[0].readAnswer().code == 200)
                #expect(!next.hasInput)
                #expect(server.server.connectionCount == 2)
            }
            clients[1].close()
            #expect(try next.readAnswer().code == 200)
            #expect(server.server.connectionCount == 2)
        }
    }

    @Test("Many take turns in few places")
    func turns() throws {
        try TestServer.run(maxConnections: 3) { server in
            let clients = try (0..<30).map { _ in try server.connect() }
            for client in clients {
                client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            }
            for client in clients {
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
