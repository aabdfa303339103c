import COpenSSL
import TestSupport
import Testing

@testable import HTTPServer

@Suite("TLS handshakes that go wrong")
struct TLSHandshakeTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Proceeds up to the client's last flight, and returns it instead of sending it.
    private func lastFlight(_ client: Client, _ layer: Layer) throws -> [UInt8] {
        let tls = TLSClient(layer)
        client.sendAsIs(try tls.handshake())
        var flight: [UInt8] = []
        // The client finishes before the server with 1.3, and after it with 1.2.
        while flight.isEmpty {
            let received = try client.receiveAsIs()
            try #require(!received.isEmpty)
            flight = try tls.handshake(received)
        }
        return flight
    }

    private func expectService(_ server: TestServer, _ layer: Layer) throws {
        let client = try server.connect(over: layer)
        client.send(Self.request)
        #expect(try client.readAnswer().code == 200)
    }

    @Test(
        "Cut short at every byte, by an end or a reset, they leave no descriptor open",
        arguments: Layer.secure)
    func truncated(_ layer: Layer) throws {
        try TestServer.run(isSecure: true) { server in
            let hello = try TLSClient(layer).handshake()
            for count in 0..<hello.count {
                let client = try server.connect()
                client.sendAsIs(Array(hello[..<count]))
                if count % 2 == 0 { client.close() } else { client.reset() }
            }
            // Its length varies by a few bytes from one handshake to the next.
            let last = try lastFlight(try server.connect(), layer).count - 8
            for count in 0..<last {
                let client = try server.connect()
                client.sendAsIs(Array(try lastFlight(client, layer)[..<count]))
                if count % 2 == 0 { client.close() } else { client.reset() }
            }
            try server.awaitConnections(0)
            #expect(Descriptors.count(onPort: server.port) == 1)
            try expectService(server, layer)
        }
    }

    @Test("A byte at a time they succeed", arguments: Layer.secure)
    func byteByByte(_ layer: Layer) throws {
        try TestServer.run(isSecure: true) { server in
            let client = try server.connect()
            let tls = TLSClient(layer)
            var flight = try tls.handshake()
            while true {
                for byte in flight {
                    client.sendAsIs([byte])
                    try client.awaitRead()
                }
                if tls.isEstablished { break }
                flight = try tls.handshake(try client.receiveAsIs())
            }
            client.sendAsIs(tls.encrypt(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)))
            var answer: [UInt8] = []
            while answer.isEmpty { answer = try tls.decrypt(try client.receiveAsIs()) }
            #expect(answer.starts(with: Array("HTTP/1.1 200".utf8)))
        }
    }

    @Test(
        "With a byte changed they fail or succeed, and no other client is affected",
        arguments: Layer.secure)
    func mutated(_ layer: Layer) throws {
        try TestServer.run(isSecure: true) { server in
            var generator = SeededGenerator(seed: 9)
            for _ in 0..<200 {
                var hello = try TLSClient(layer).handshake()
                let place = Int.random(in: hello.indices, using: &generator)
                hello[place] ^= UInt8.random(in: 1...255, using: &generator)
                let client = try server.connect()
                client.sendAsIs(hello)
                client.finishSendingAsIs()
                #expect(client.losesConnection())
            }
            try server.awaitConnections(0)
            try expectService(server, layer)
        }
    }

    @Test("A flood that stalls at each stage holds up nobody, and ends with the handshake timeout")
    func flood() throws {
        var limits = HTTPLimits()
        limits.headerTimeout = .seconds(5)
        try TestServer.run(limits: limits, isSecure: true) { server in
            var stalled: [Client] = []
            for number in 0..<60 {
                let layer = Layer.secure[number % 2]
                let hello = try TLSClient(layer).handshake()
                for flight in [[], Array(hello[..<1]), Array(hello[..<(hello.count / 2)]), hello] {
                    let client = try server.connect()
                    client.sendAsIs(flight)
                    stalled.append(client)
                }
                let client = try server.connect()
                client.sendAsIs(try lastFlight(client, layer).dropLast())
                stalled.append(client)
                stalled.append(try server.connect(over: layer))
            }
            for layer in Layer.secure { try expectService(server, layer) }
            for client in stalled { #expect(client.losesConnection()) }
            try server.awaitConnections(0)
            #expect(Descriptors.count(onPort: server.port) == 1)
        }
    }

    @Test(
        "A plain request gets a 400 that says so, whatever its method",
        arguments: ["GET", "POST", "DELETE", "OPTIONS", "PRI", "\r\nGET", "get", "\n"])
    func plain(_ method: String) throws {
        try TestServer.run(isSecure: true) { server in
            let client = try server.connect()
            client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try client.readAnswer()
            #expect(answer.code == 400)
            #expect(answer.closes)
            #expect(answer.text.contains("This port speaks TLS"))
            #expect(try client.isAtEnd())
        }
    }

    @Test("A TLS hello on a plain port is refused", arguments: Layer.secure)
    func helloOnPlainPort(_ layer: Layer) throws {
        try TestServer.run { server in
            let client = try server.connect()
            client.sendAsIs(try TLSClient(layer).handshake())
            #expect(try client.readAnswer().code == 400)
            #expect(try client.isAtEnd())
        }
    }

    @Test("Early data is not accepted, and is not taken for a request")
    func earlyData() throws {
        let counts = LoopCounts()
        let route = TestServer.route(.get, "/counted") { _, _ in counts.add(0) }
        try TestServer.run(loops: 1, routes: [route], isSecure: true) { server in
            // The ticket comes with the first answer at the latest.
            let first = try server.connect(over: .tls13)
            first.send(Self.request)
            _ = try first.readAnswer()
            let session = try #require(SSL_get1_session(first.tls?.handle))
            defer { SSL_SESSION_free(session) }
            #expect(SSL_SESSION_get_max_early_data(session) == 0)
            // Pretends that the server allowed it.
            SSL_SESSION_set_max_early_data(session, 16_384)
            let tls = TLSClient(.tls13)
            SSL_set_session(tls.handle, session)
            let early = Array("GET /counted HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            var count = 0
            #expect(SSL_write_early_data(tls.handle, early, early.count, &count) == 1)
            #expect(count == early.count)
            let client = try server.connect()
            client.sendAsIs(tls.takeOutgoing())
            try client.startTLS(tls)
            client.send(Self.request)
            #expect(try client.readAnswer().text == "root")
            #expect(SSL_get_early_data_status(tls.handle) == SSL_EARLY_DATA_REJECTED)
            #expect(SSL_session_reused(tls.handle) == 1)
            #expect(counts.counts.isEmpty)
        }
    }
}
