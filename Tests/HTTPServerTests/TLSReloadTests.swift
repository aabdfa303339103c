import Testing

@testable import HTTPServer

@Suite("TLS reloads")
struct TLSReloadTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test(
        "Open connections go on over a reload, and so do handshakes under way",
        arguments: Layer.secure)
    func openConnections(_ layer: Layer) throws {
        try TestServer.run(isSecure: true) { server in
            let credentials = try #require(server.credentials)
            let before = credentials.current
            let open = try server.connect(over: layer)
            let tls = TLSClient(layer)
            let half = try server.connect()
            half.sendAsIs(try tls.handshake())
            try half.awaitRead()
            credentials.reload()
            #expect(credentials.current !== before)
            try half.startTLS(tls)
            for client in [open, half, try server.connect(over: layer)] {
                client.send(Self.request)
                #expect(try client.readAnswer().code == 200)
            }
        }
    }
}
