import Testing

@testable import HTTPServer
@testable import TLS

@Suite("The length of a ClientHello")
struct ClientHelloTests {
    /// Limits under which waiting for the rest of a hello would outlast the tests.
    private var patient: HTTPLimits {
        var limits = HTTPLimits()
        limits.headerTimeout = .seconds(600)
        return limits
    }

    /// Handshake records that hold `message` in pieces of `size`.
    private func records(_ message: [UInt8], of size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start -> [UInt8] in
            let piece = message[start..<min(message.count, start + size)]
            return [22, 3, 1, UInt8(piece.count >> 8), UInt8(piece.count & 0xFF)] + piece
        }
    }

    private func message(type: UInt8 = 1, announcing count: Int, sending sent: Int) -> [UInt8] {
        [type, UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
            + [UInt8](repeating: 3, count: sent)
    }

    private func admits(_ bytes: [UInt8]) -> Bool {
        var bound = ClientHelloBound()
        return bytes.allSatisfy { bound.admits($0) }
    }

    @Test("It is bounded, however it is cut into records", arguments: [1, 2, 3, 4, 5, 100, 16_384])
    func bound(_ size: Int) {
        let most = ClientHelloBound.maxBytes
        let fits = message(announcing: most, sending: most)
        #expect(admits(records(fits, of: size)))
        #expect(!admits(records(message(announcing: most + 1, sending: 0), of: size)))
        let second = message(announcing: 131_396, sending: 0)
        #expect(!admits(records(fits + second, of: size)))
        // A ChangeCipherSpec between the two, as RFC 8446, D.4 has it.
        let change: [UInt8] = [20, 3, 3, 0, 1, 1]
        #expect(!admits(records(fits, of: size) + change + records(second, of: size)))
        #expect(admits(records(message(type: 11, announcing: 100_000, sending: 10), of: size)))
    }

    @Test("A client that announces more is closed at once")
    func closed() throws {
        try TestServer.run(limits: patient, isSecure: true) { server in
            let client = try server.connect()
            client.sendAsIs(records(message(announcing: 131_396, sending: 0), of: 16_384))
            #expect(client.losesConnection())
        }
    }

    @Test("Nor may it do so once it is asked for another hello")
    func second() throws {
        try TestServer.run(limits: patient, isSecure: true) { server in
            let client = try server.connect()
            let tls = TLSClient(.tls13, keyShareToRetry: true)
            client.sendAsIs(try tls.handshake())
            let retry = try client.receiveAsIs()
            #expect(try tls.handshake(retry).contains(1), "another hello")
            #expect(!tls.isEstablished)
            client.sendAsIs(records(message(announcing: 131_396, sending: 0), of: 16_384))
            #expect(client.losesConnection())
        }
    }

    @Test("Another hello of the right length is served")
    func retried() throws {
        try TestServer.run(isSecure: true) { server in
            let client = try server.connect()
            try client.startTLS(TLSClient(.tls13, keyShareToRetry: true))
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readAnswer().code == 200)
        }
    }
}
