import COpenSSL
import Testing

@testable import HTTPServer

@Suite("TLS records")
struct TLSRecordTests {
    private static func request(_ path: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    }

    /// The largest data of a record: RFC 8446, 5.1.
    private static let recordSize = 16 * 1024

    @Test("Hundreds of requests in one record are all answered, in order", arguments: Layer.secure)
    func manyInOneRecord(_ layer: Layer) throws {
        try TestServer.run(loops: 1, isSecure: true) { server in
            let client = try server.connect(over: layer)
            var bytes: [UInt8] = []
            var count = 0
            while case let next = Self.request("/items/\(count)"),
                bytes.count + next.count <= Self.recordSize
            {
                bytes += next
                count += 1
            }
            #expect(count > 10 * HTTPLimits().requestsPerWake)
            client.send(bytes)
            for index in 0..<count { #expect(try client.readAnswer().text == "\(index)") }
        }
    }

    /// Records that arrive together are read together, because epoll does not report those that
    /// wait inside the library.
    @Test(
        "More records at once than a wake-up handles are all answered, and the end with them",
        arguments: Layer.secure)
    func manyRecords(_ layer: Layer) throws {
        try TestServer.run(loops: 1, isSecure: true) { server in
            let client = try server.connect(over: layer)
            let tls = try #require(client.tls)
            // Small and large ones, 200 KiB in all, and the closing alert, but no FIN.
            var wire: [UInt8] = []
            for index in 0..<6000 {
                wire += tls.encrypt(Self.request("/items/\(index)"))
                if index % 1000 == 999 {
                    let large = (0..<400).flatMap { _ in Self.request("/items/large") }
                    wire += tls.encrypt(large)
                }
            }
            wire += tls.closeNotify()
            client.sendAsIs(wire)
            for index in 0..<6000 {
                #expect(try client.readAnswer().text == "\(index)")
                guard index % 1000 == 999 else { continue }
                for _ in 0..<400 { #expect(try client.readAnswer().text == "large") }
            }
            #expect(try client.isAtEnd())
        }
    }

    @Test("A body in records of one byte is a body", arguments: Layer.secure)
    func tinyRecords(_ layer: Layer) throws {
        try TestServer.run(isSecure: true) { server in
            let client = try server.connect(over: layer)
            let tls = try #require(client.tls)
            let body = (0..<2000).map { UInt8(truncatingIfNeeded: $0) }
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n"
            client.sendAsIs((Array(head.utf8) + body).flatMap { tls.encrypt([$0]) })
            #expect(try Echo(client.readAnswer())?.body == body)
        }
    }

    @Test(
        "A record that was tampered with ends the connection, and runs nothing",
        arguments: Layer.secure)
    func tampered(_ layer: Layer) throws {
        let counts = LoopCounts()
        let route = TestServer.route(.get, "/counted") { _, _ in counts.add(0) }
        try TestServer.run(loops: 1, routes: [route], isSecure: true) { server in
            let client = try server.connect(over: layer)
            var record = try #require(client.tls).encrypt(Self.request("/counted"))
            record[record.count - 1] ^= 1
            client.sendAsIs(record)
            #expect(throws: TLSClient.Failure.self) { try client.readToEnd() }
            try server.awaitConnections(0)
            #expect(counts.counts.isEmpty)
        }
    }

    // MARK: Records without data

    @Test("A few key updates are obeyed, and a flood of them ends the connection")
    func keyUpdates() throws {
        try TestServer.run(loops: 1, isSecure: true) { server in
            let client = try server.connect(over: .tls13)
            let tls = try #require(client.tls)
            for _ in 0..<5 {
                for _ in 0..<5 { client.sendAsIs(try tls.keyUpdate()) }
                client.send(Self.request("/"))
                #expect(try client.readAnswer().text == "root")
            }
            for _ in 0..<10 {
                let updates = try (0..<100).flatMap { _ in try tls.keyUpdate() }
                client.sendAsIs(updates)
            }
            try server.awaitConnections(0)
        }
    }

    @Test("32 records without data in a row are suffered, and no more")
    func keyUpdateBound() throws {
        try TestServer.run(loops: 1, isSecure: true) { server in
            let client = try server.connect(over: .tls13, isNarrow: true)
            let tls = try #require(client.tls)
            // Each in its own wake-up, and no answer is read.
            for _ in 0..<32 {
                client.sendAsIs(try tls.keyUpdate())
                try client.awaitRead()
            }
            client.send(Self.request("/"))
            #expect(try client.readAnswer().text == "root")
            for _ in 0..<33 { client.sendAsIs(try tls.keyUpdate()) }
            try server.awaitConnections(0)
        }
    }

    // MARK: Ends

    @Test("A whole request before an end without close_notify is answered", arguments: Layer.secure)
    func incompleteClose(_ layer: Layer) throws {
        let later = LaterRoute()
        try TestServer.run(routes: [later.route], isSecure: true) { server in
            let client = try server.connect(over: layer)
            client.send(Self.request("/later"))
            client.finishSendingAsIs()
            let request = try #require(later.take(1).first)
            request.complete { $0.body = Array("late".utf8) }
            #expect(try client.readAnswer().text == "late")
            #expect(try client.isAtEnd(), "with a close_notify of the server's")
        }
    }

    @Test("A request cut short is not run, with close_notify or without", arguments: Layer.secure)
    func truncation(_ layer: Layer) throws {
        let counts = LoopCounts()
        let route = TestServer.route(.post, "/counted", bodyLimit: 1000) { _, _ in counts.add(0) }
        let message = Array(
            "POST /counted HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".utf8)
        try TestServer.run(loops: 1, routes: [route], isSecure: true) { server in
            for count in message.indices {
                let client = try server.connect(over: layer)
                client.send(message[..<count])
                if count % 2 == 0 { client.finishSending() } else { client.finishSendingAsIs() }
                #expect(try client.readToEnd().isEmpty)
            }
            #expect(counts.counts.isEmpty)
        }
    }

    @Test("A connection that rested too long is closed with close_notify", arguments: Layer.secure)
    func idleEnd(_ layer: Layer) throws {
        var limits = HTTPLimits()
        limits.idleTimeout = .milliseconds(20)
        try TestServer.run(limits: limits, isSecure: true) { server in
            let client = try server.connect(over: layer)
            client.send(Self.request("/"))
            _ = try client.readAnswer()
            #expect(try client.isAtEnd(), "fails without the alert")
        }
    }

    @Test("close_notify is answered by close_notify, at rest", arguments: Layer.secure)
    func closeAtRest(_ layer: Layer) throws {
        try TestServer.run(isSecure: true) { server in
            let client = try server.connect(over: layer)
            client.sendAsIs(try #require(client.tls).closeNotify())
            #expect(try client.isAtEnd())
        }
    }
}
