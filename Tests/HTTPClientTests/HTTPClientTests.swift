import Foundation
import HTTPServer
import Synchronization
import System
import TLS
import TestSupport
import Testing

@testable import HTTPClient

@Suite("The HTTP client, against a server in this process")
struct HTTPClientTests {
    @Test("One connection serves one request after another; a status is not an error")
    func keepAlive() throws {
        try TestServer.run { server in
            let client = server.client()
            let posted = try client.exchange("POST", "/echo?a=b", body: Array("text".utf8))
            #expect(posted.head.status == 200)
            #expect(posted.head["content-type"] == "text/plain")
            #expect(String(decoding: posted.body, as: UTF8.self) == "text")
            #expect(try client.exchange("GET", "/nowhere").head.status == 404)
            let first = try client.open("GET", "/")
            #expect(try first.connection.receiveBody() == Array("root".utf8))
            #expect(try client.open("GET", "/").connection === first.connection)
        }
    }

    @Test("A socket in the file system")
    func unix() throws {
        let path = "/tmp/logbook-client-\(getpid()).sock"
        try TestServer.run(.unix(path: path)) { server in
            #expect(ServerAddress("unix:\(path)") == server.clientAddress)
            let answer = try server.client().exchange("GET", "/")
            #expect(answer.body == Array("root".utf8))
        }
    }

    @Test("By TLS, a large body there and back; who is not trusted gets nothing")
    func secure() throws {
        let large = [UInt8](repeating: 7, count: 1 << 20)
        let echo = Route(.post, "/large", summary: "for tests", statuses: [.ok], bodyLimit: 1 << 20)
        {
            $1.body = Array($0.body)
        }
        try TestServer.run(routes: [echo], isSecure: true) { server in
            let path = TestCertificate.configuration.certificatePath
            let client = server.client(try TLSContext(authorities: path))
            for _ in 0..<2 {
                let answer = try client.exchange("POST", "/large", body: large)
                #expect(answer.body == large)
            }
            let stranger = server.client(try TLSContext(authorities: nil))
            #expect(kind { _ = try stranger.exchange("GET", "/") } == .untrusted)
            // It is only for localhost.
            let port = server.clientAddress.description.split(separator: ":").last!
            let other = HTTPClient(
                ServerAddress("https://127.0.0.1:\(port)")!, userAgent: "test",
                context: try TLSContext(authorities: path), timeout: .seconds(20))
            #expect(kind { _ = try other.exchange("GET", "/") } == .untrusted)
        }
    }

    @Test("A body piece by piece: received pieces are available before the rest")
    func streaming() throws {
        let demands = Mutex<[BodyDemand]>([])
        let stream = TestServer.route("/stream") { _, response in
            response.isLive = true
            response.source = { demand in demands.withLock { $0.append(demand) } }
        }
        func demand() -> BodyDemand {
            while true {
                if let demand = demands.withLock({ $0.popLast() }) { return demand }
                usleep(1000)
            }
        }
        try TestServer.run(routes: [stream]) { server in
            let (connection, head) = try server.client().open("GET", "/stream")
            #expect(head["transfer-encoding"] == "chunked")
            for text in ["one", "two"] {
                demand().send(Array(text.utf8))
                var piece: [UInt8] = []
                #expect(try connection.receivePiece(to: &piece))
                #expect(String(decoding: piece, as: UTF8.self) == text)
            }
            demand().finish([])
            var rest: [UInt8] = []
            #expect(try !connection.receivePiece(to: &rest) && rest.isEmpty)
        }
    }

    @Test("Whether a piece has come is known without waiting for it")
    func readiness() throws {
        let server = try ScriptedAPIServer()
        let client = HTTPClient(
            try #require(ServerAddress(server.url)), userAgent: "test", timeout: .seconds(20))
        let answered = DispatchSemaphore(value: 0)
        let head = Mutex<ScriptedAPIServer.Exchange?>(nil)
        Thread.detachNewThread {
            let exchange = try? server.next()
            exchange?.begin()
            head.withLock { $0 = exchange }
            answered.signal()
        }
        let (connection, _) = try client.open("GET", "/")
        answered.wait()
        let exchange = try #require(head.withLock { $0 })
        #expect(try !connection.isReady(within: .milliseconds(1)))
        exchange.send("one")
        #expect(try connection.isReady(within: .seconds(20)))
        var piece: [UInt8] = []
        #expect(try connection.receivePiece(to: &piece))
        #expect(piece == Array("one".utf8))
        exchange.end()
        #expect(try connection.isReady(within: .seconds(20)))
        #expect(try !connection.receivePiece(to: &piece))
        #expect(try connection.isReady(within: .zero))
    }

    @Test("A redirect is an answer like others and is not followed")
    func redirect() throws {
        let target = CannedServer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        let server = CannedServer(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: \(target.url)\r\nContent-Length: 0\r\n\r\n"
        )
        let client = HTTPClient(
            try #require(ServerAddress(server.url)), userAgent: "test",
            token: { () throws(HTTPClientError) in "secret" }, timeout: .seconds(20))
        let answer = try client.exchange("GET", "/")
        #expect(answer.head.status == 307)
        #expect(answer.head["location"] == target.url)
        #expect(server.requests.count == 1 && target.requests.isEmpty)
    }

    // MARK: Time

    @Test("A server that does not answer: the timeout, then the deadline")
    func deadlines() throws {
        try TestServer.run(routes: [TestServer.never]) { server in
            let impatient = server.client(timeout: .milliseconds(20))
            #expect(kind { _ = try impatient.exchange("GET", "/never") } == .timedOut)
            let client = server.client()
            #expect(
                kind { _ = try client.exchange("GET", "/never", within: .milliseconds(20)) }
                    == .timedOut)
            // The error affected only that request.
            let next = try client.exchange("GET", "/")
            #expect(next.head.status == 200)
        }
    }

    @Test("The deadline is for all pieces together, however fast they arrive")
    func deadlineOfStream() throws {
        let stream = TestServer.route("/stream") { _, response in
            response.source = { $0.send([1]) }
        }
        try TestServer.run(routes: [stream]) { server in
            let (connection, _) = try server.client().open(
                "GET", "/stream", within: .milliseconds(100))
            let kind = kind {
                var piece: [UInt8] = []
                while try connection.receivePiece(to: &piece) { piece = [] }
            }
            #expect(kind == .timedOut)
        }
    }

    @Test("Cancelled by another thread, for good")
    func cancelling() throws {
        let cancellation = try Cancellation()
        let never = TestServer.route("/never") { request, _ in
            _ = request.postpone()
            cancellation.cancel()
        }
        try TestServer.run(routes: [never]) { server in
            let client = server.client(cancellation: cancellation)
            #expect(kind { _ = try client.exchange("GET", "/never") } == .cancelled)
            #expect(kind { _ = try client.exchange("GET", "/") } == .cancelled)
        }
    }

    @Test("Nobody listens")
    func unreachable() throws {
        let address = try TestServer.run { $0.clientAddress }
        let client = HTTPClient(address, userAgent: "test", timeout: .seconds(20))
        #expect(kind { _ = try client.exchange("GET", "/") } == .unreachable)
    }

    // MARK: Tokens

    @Test("A token is read for each request")
    func rotatingToken() throws {
        let whoami = TestServer.route("/token") { request, response in
            response.body = request.header("authorization").map { Array($0) } ?? []
        }
        try TestServer.run(routes: [whoami]) { server in
            var tokens: [String?] = ["new", nil, "old"]
            let client = server.client(token: { () throws(HTTPClientError) in tokens.removeLast() })
            for expected in ["Bearer old", "", "Bearer new"] {
                let answer = try client.exchange("GET", "/token")
                #expect(String(decoding: answer.body, as: UTF8.self) == expected)
            }
        }
    }

    @Test("The path of an address comes before that of every request")
    func prefix() throws {
        let server = try ScriptedAPIServer()
        for path in ["/k8s/clusters/c-1", "/k8s/clusters/c-1/", "/", ""] {
            let client = HTTPClient(
                try #require(ServerAddress(server.url + path)), userAgent: "test",
                timeout: .seconds(20))
            let seen = Mutex<String?>(nil)
            Thread.detachNewThread {
                let exchange = try? server.next()
                seen.withLock { $0 = exchange?.target }
                exchange?.answer("")
            }
            _ = try client.exchange("GET", "/api?limit=1")
            let expected = (path.hasPrefix("/k8s") ? "/k8s/clusters/c-1" : "") + "/api?limit=1"
            #expect(seen.withLock { $0 } == expected)
        }
        for text in ["http:///path", "http://host/a b", "http://host/a?b", "http://host/#a"] {
            #expect(ServerAddress(text) == nil, "\(text)")
        }
    }

    @Test(
        "A token goes by TLS, or stays on this machine",
        arguments: [
            ("https://example.com", true), ("unix:/run/server.sock", true),
            ("http://localhost:8080", true), ("http://127.0.0.1", true), ("http://[::1]:80", true),
            ("http://example.com", false), ("http://10.0.0.1:8080", false),
            ("http://127.0.0.1.example.com", false), ("http://127.example.com", false),
        ])
    func keepingSecrets(_ text: String, _ keepsSecrets: Bool) throws {
        let address = try #require(ServerAddress(text))
        #expect(address.keepsSecrets == keepsSecrets)
        guard !keepsSecrets else { return }
        // Before anything is sent or connected.
        let client = HTTPClient(
            address, userAgent: "test", token: { () throws(HTTPClientError) in "secret" },
            timeout: .zero)
        #expect(kind { _ = try client.exchange("GET", "/") } == .exposedToken)
    }

    @Test(
        "An invalid token is refused, so it cannot end a line of the head",
        arguments: ["", "a b", "a\r\nb", "\u{E9}"])
    func wrongToken(_ text: String) throws {
        try TestServer.run { server in
            let client = server.client(token: { () throws(HTTPClientError) in text })
            #expect(kind { _ = try client.exchange("GET", "/") } == .unusable)
        }
    }

    /// The kind of error that `body` throws; nil for none.
    private func kind(_ body: () throws -> Void) -> HTTPClientError.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? HTTPClientError)?.kind
        }
    }
}
