import Testing

@testable import HTTPServer

@Suite("Endings of connections")
struct EndingTests {
    private enum Ending: CaseIterable {
        case clean, silent, reset, halfClosed, midHead, midHeadReset, midBody, midBodyReset
        case refused, refusedAndReset, midAnswer, postponedAndReset, headerTimeout, bodyTimeout
    }

    /// The rest of the work for a client whose connection the server must end.
    private func begin(
        _ ending: Ending, _ server: TestServer, over layer: Layer
    ) throws -> Client? {
        let client = try server.connect(over: layer, isNarrow: ending == .midAnswer)
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let partialBody = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"
        switch ending {
        case .clean:
            client.send(get)
            _ = try client.readAnswer()
            client.close()
        case .silent: client.close()
        case .reset:
            client.send(get)
            client.reset()
        case .halfClosed:
            client.send(get)
            client.finishSending()
            return client
        case .midHead:
            client.send("GET / HT")
            client.close()
        case .midHeadReset:
            client.send("GET / HT")
            client.reset()
        case .midBody:
            client.send(partialBody)
            client.close()
        case .midBodyReset:
            client.send(partialBody)
            client.reset()
        case .refused:
            client.send("GET / HTTP/1.1\r\n\r\n")
            return client
        case .refusedAndReset:
            client.send("GET / HTTP/1.1\r\n\r\n")
            client.reset()
        case .midAnswer:
            client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.waitForInput(milliseconds: 60_000))
            client.close()
        case .postponedAndReset:
            client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            client.reset()
        case .headerTimeout:
            client.send("GET / HT")
            return client
        case .bodyTimeout:
            client.send(partialBody)
            return client
        }
        return nil
    }

    @Test(
        "Hundreds of every kind leave no descriptor and no connection open",
        arguments: Layer.allCases)
    func everyKind(_ layer: Layer) throws {
        let later = LaterRoute()
        let large = TestServer.route(.get, "/large") { _, response in
            response.body = [UInt8](repeating: 65, count: 4 << 20)
        }
        var limits = HTTPLimits()
        // A handshake has the same time, and must manage with it on a busy machine.
        limits.headerTimeout = layer.isSecure ? .seconds(3) : .milliseconds(50)
        limits.bodyGrace = .milliseconds(50)
        limits.lingerTimeout = .milliseconds(50)
        try TestServer.run(
            routes: [later.route, large], limits: limits, isSecure: layer.isSecure
        ) { server in
            #expect(Descriptors.count(onPort: server.port) == 1)
            for _ in 0..<(layer.isSecure ? 2 : 15) {
                for ending in Ending.allCases {
                    let open = try (0..<10).compactMap { _ in try begin(ending, server, over: layer)
                    }
                    for client in open { #expect(client.losesConnection()) }
                }
                for response in later.take() { response.complete { _ in } }
            }
            try server.awaitConnections(0)
            #expect(Descriptors.count(onPort: server.port) == 1)
            let client = try server.connect(over: layer)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readAnswer().code == 200)
        }
    }
}
