import Testing

@testable import HTTPServer

@Suite("Pipelining")
struct PipeliningTests {
    private static func request(_ path: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
    }

    @Test("A thousand requests are answered in order", arguments: Layer.allCases)
    func thousand(_ layer: Layer) throws {
        try TestServer.run(isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send((0..<1000).map { Self.request("/items/\($0)") }.joined())
            for index in 0..<1000 { #expect(try client.readAnswer().text == "\(index)") }
        }
    }

    @Test(
        "Who does not read is not read from: a bounded number is answered, then all in order",
        arguments: Layer.allCases)
    func backPressure(_ layer: Layer) throws {
        let handled = LoopCounts()
        let padding = [UInt8](repeating: UInt8(ascii: "."), count: 16 * 1024)
        let route = TestServer.route(.get, "/padded/{id}") { request, response in
            handled.add(0)
            response.body = request.parameter + padding
        }
        var limits = HTTPLimits()
        limits.outputBytes = 64 * 1024
        try TestServer.run(routes: [route], limits: limits, isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer, isNarrow: true)
            client.send((0..<1000).map { Self.request("/padded/\($0)") }.joined())
            #expect(client.waitForInput(milliseconds: 60_000))
            try awaitStandstill { handled.counts[0] ?? 0 }
            // 64 KiB in the server, and the content of two kernel buffers, out of 16 MiB.
            #expect((handled.counts[0] ?? 0) < 500)
            for index in 0..<1000 {
                let body = try client.readAnswer().body
                #expect(body.count == padding.count + "\(index)".utf8.count)
                #expect(body.starts(with: "\(index).".utf8))
            }
            #expect(handled.counts[0] == 1000)
        }
    }

    /// Waits until `count` stops rising. Ending too early would only weaken the test.
    private func awaitStandstill(_ count: () -> Int) throws {
        var last = -1
        var unchanged = 0
        try eventually("a standstill") {
            let now = count()
            unchanged = now == last ? unchanged + 1 : 0
            last = now
            return unchanged > 200
        }
    }

    @Test("One client's thousand requests do not hold up another's one", arguments: Layer.allCases)
    func fairness(_ layer: Layer) throws {
        try TestServer.run(loops: 1, isSecure: layer.isSecure) { server in
            let busy = try server.connect(over: layer)
            let other = try server.connect(over: layer)
            busy.send((0..<1000).map { Self.request("/items/\($0)") }.joined())
            other.send(Self.request("/items/other"))
            #expect(try other.readAnswer().text == "other")
            for index in 0..<1000 { #expect(try busy.readAnswer().text == "\(index)") }
        }
    }

    @Test("Answers to one client never reach another", arguments: Layer.allCases)
    func manyClients(_ layer: Layer) throws {
        try TestServer.run(isSecure: layer.isSecure) { server in
            let clients = try (0..<50).map { _ in try server.connect(over: layer) }
            for round in 0..<5 {
                for (index, client) in clients.enumerated() {
                    client.send(Self.request("/items/\(index)-\(round)a"))
                    client.send(Self.request("/items/\(index)-\(round)b"))
                }
                for (index, client) in clients.enumerated() {
                    #expect(try client.readAnswer().text == "\(index)-\(round)a")
                    #expect(try client.readAnswer().text == "\(index)-\(round)b")
                }
            }
        }
    }

    @Test(
        "A large body, sent while nobody reads, is returned completely", arguments: Layer.allCases)
    func largeBody(_ layer: Layer) throws {
        try TestServer.run(isSecure: layer.isSecure) { server in
            let body = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let client = try server.connect(over: layer)
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
            client.send(body)
            let echo = try #require(try Echo(client.readAnswer()))
            #expect(echo.body == body)
        }
    }
}
