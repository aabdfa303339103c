import Foundation
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Bodies piece by piece")
struct StreamingTests {
    /// Counts down, and answers from another thread, like a reader of files.
    private static let countdown = TestServer.route(.get, "/countdown") { _, response in
        response.contentType = "text/plain"
        let left = Mutex(5)
        response.source = { demand in
            let number = left.withLock { left in
                left -= 1
                return left
            }
            Thread {
                if number > 0 {
                    demand.send(Array("\(number) ".utf8))
                } else {
                    demand.finish(Array("go".utf8))
                }
            }.start()
        }
    }

    private static let countdownBody =
        "2\r\n4 \r\n2\r\n3 \r\n2\r\n2 \r\n2\r\n1 \r\n2\r\ngo\r\n0\r\n\r\n"

    @Test("An answer in chunks, and the next request after it", arguments: Layer.allCases)
    func chunked(_ layer: Layer) throws {
        try TestServer.run(routes: [Self.countdown], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send(
                "GET /countdown HTTP/1.1\r\nHost: a\r\n\r\n"
                    + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = String(decoding: try client.readToEnd(), as: UTF8.self)
            let parts = text.components(separatedBy: "\r\n\r\n")
            #expect(
                parts[0].contains("\r\nTransfer-Encoding: chunked\r\n")
                    || parts[0].hasSuffix("Transfer-Encoding: chunked"))
            #expect(!parts[0].contains("Content-Length"))
            #expect(text.contains("\r\n\r\n" + Self.countdownBody + "HTTP/1.1 200 OK\r\n"))
            #expect(text.hasSuffix("\r\n\r\nroot"))
        }
    }

    @Test(
        "HTTP/1.0 has no chunks: the end of the connection is the body's", arguments: Layer.allCases
    )
    func version10(_ layer: Layer) throws {
        try TestServer.run(routes: [Self.countdown], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send("GET /countdown HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let text = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(text.hasSuffix("\r\nConnection: close\r\n\r\n4 3 2 1 go"))
            #expect(!text.contains("Transfer-Encoding"))
        }
    }

    @Test("HEAD has the fields alone", arguments: Layer.allCases)
    func head(_ layer: Layer) throws {
        try TestServer.run(routes: [Self.countdown], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send(
                "HEAD /countdown HTTP/1.1\r\nHost: a\r\n\r\n"
                    + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(text.contains("Transfer-Encoding: chunked\r\n"))
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            #expect(!text.contains("go"))
        }
    }

    @Test("A body that fails is broken off, and never looks whole", arguments: Layer.allCases)
    func failure(_ layer: Layer) throws {
        let route = TestServer.route(.get, "/fails") { _, response in
            let isFirst = Mutex(true)
            response.source = { demand in
                let first = isFirst.withLock { isFirst in
                    defer { isFirst = false }
                    return isFirst
                }
                if first { demand.send(Array("half".utf8)) } else { demand.fail() }
            }
        }
        try TestServer.run(routes: [route], isSecure: layer.isSecure) { server in
            for version in ["1.0", "1.1"] {
                let client = try server.connect(over: layer)
                client.send("GET /fails HTTP/\(version)\r\nHost: a\r\n\r\n")
                #expect(throws: Client.Failure.self) { try client.readToEnd() }
                try server.awaitConnections(0)
            }
        }
    }

    /// Reports its release.
    private final class Witness: Sendable {
        let isGone: @Sendable () -> Void

        init(_ isGone: @escaping @Sendable () -> Void) { self.isGone = isGone }

        deinit { isGone() }
    }

    @Test(
        "A client that does not read is sent no more than fits; when it goes, the source does",
        arguments: Layer.allCases)
    func backPressure(_ layer: Layer) throws {
        let demands = Atomic<Int>(0)
        let gone = Atomic<Bool>(false)
        let route = TestServer.route(.get, "/endless") { _, response in
            let witness = Witness { gone.store(true, ordering: .relaxed) }
            response.source = { demand in
                _ = witness
                demands.wrappingAdd(1, ordering: .relaxed)
                demand.send([UInt8](repeating: 0x61, count: 64 * 1024))
            }
        }
        try TestServer.run(loops: 1, routes: [route], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer, isNarrow: true)
            client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            // Once the loop answers others and asks for no more, the socket is full.
            let other = try server.connect(over: layer)
            try eventually("the socket is full") {
                let before = demands.load(ordering: .relaxed)
                for _ in 0..<20 {
                    other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try other.readAnswer()
                }
                return before > 0 && demands.load(ordering: .relaxed) == before
            }
            #expect(demands.load(ordering: .relaxed) < 200)
            client.reset()
            try eventually("the source is let go of") { gone.load(ordering: .relaxed) }
        }
    }

    @Test("A source is released with its client, even if the loop answers nobody else")
    func goesAlone() throws {
        let gone = Atomic<Int>(0)
        let route = TestServer.route(.get, "/silent") { _, response in
            let witness = Witness { gone.wrappingAdd(1, ordering: .relaxed) }
            response.source = { _ in _ = witness }
        }
        try TestServer.run(loops: 1, routes: [route]) { server in
            let head = try server.connect()
            head.send("HEAD /silent HTTP/1.1\r\nHost: a\r\n\r\n")
            try eventually("HEAD needs none") { gone.load(ordering: .relaxed) == 1 }
            let client = try server.connect()
            client.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.waitForInput(milliseconds: 20_000))
            client.reset()
            try eventually("the source is let go of") { gone.load(ordering: .relaxed) == 2 }
        }
    }

    @Test("A demand is granted once, and a late one is dropped", arguments: Layer.allCases)
    func grantedTwice(_ layer: Layer) throws {
        let route = TestServer.route(.get, "/twice") { _, response in
            response.source = { demand in
                demand.finish(Array("once".utf8))
                demand.finish(Array("twice".utf8))
                demand.fail()
            }
        }
        try TestServer.run(routes: [route], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send("GET /twice HTTP/1.1\r\nHost: a\r\n\r\n")
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(text.contains("4\r\nonce\r\n0\r\n\r\nHTTP/1.1 200 OK"))
            #expect(!text.contains("twice"))
        }
    }

    // MARK: Requests

    /// Answers with the number of bytes that arrived in pieces, and is full after each until asked
    /// again.
    private static let sum = Route(
        .post, "/sum", summary: "for tests", statuses: [.ok], bodyLimit: 1000,
        takesPieces: { $0.header("x-whole") == nil },
        handler: { request, response in
            guard request.isBodyToCome else {
                response.body = Array("whole \(request.body.count)".utf8)
                return
            }
            final class State { var sum = 0, pending: PendingResponse? }
            let state = State()
            state.pending = request.receiveBody { part in
                switch part {
                case .piece(let bytes):
                    state.sum += bytes.count
                    let pending = state.pending
                    Thread { pending?.receiveMore() }.start()
                    return .full
                case .end:
                    let sum = state.sum
                    state.pending?.complete { $0.body = Array("pieces \(sum)".utf8) }
                    return .ready
                case .cut(let error):
                    let sum = state.sum
                    state.pending?.complete { response in
                        response.status = error.status
                        response.body = Array("\(error.detail) \(sum)".utf8)
                    }
                    return .ready
                }
            }
        })

    @Test(
        "A receiver gets a body piece by piece, however long",
        arguments: ["Content-Length: 5000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"],
        Layer.allCases)
    func received(framing: String, _ layer: Layer) throws {
        try TestServer.run(routes: [Self.sum], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send("POST /sum HTTP/1.1\r\nHost: a\r\n\(framing)")
            let piece = [UInt8](repeating: 0x61, count: 50_000)
            for _ in 0..<100 {
                if framing.hasPrefix("T") {
                    client.send(Array("c350\r\n".utf8) + piece + Array("\r\n".utf8))
                } else {
                    client.send(piece)
                }
            }
            if framing.hasPrefix("T") { client.send("0\r\n\r\n") }
            #expect(try client.readAnswer().text == "pieces 5000000")
            client.send("POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try client.readAnswer().text == "pieces 3")
            client.send(
                "POST /sum HTTP/1.1\r\nHost: a\r\nX-Whole: 1\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try client.readAnswer().text == "whole 3")
            client.send("POST /sum HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readAnswer().text == "whole 0")
        }
    }

    @Test("100 (Continue) comes once the handler takes the body", arguments: Layer.allCases)
    func expectation(_ layer: Layer) throws {
        try TestServer.run(routes: [Self.sum], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send(
                "POST /sum HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n"
            )
            #expect(try client.readInterimOrFinalAnswer().code == 100)
            client.send([UInt8](repeating: 0x61, count: 2000))
            #expect(try client.readAnswer().text == "pieces 2000")
        }
    }

    @Test(
        "A receiver may answer before the end; the rest is not waited for",
        arguments: Layer.allCases)
    func earlyAnswer(_ layer: Layer) throws {
        let route = Route(
            .post, "/early", summary: "for tests", statuses: [.ok], bodyLimit: 1,
            takesPieces: { _ in true },
            handler: { request, _ in
                final class State { var pending: PendingResponse? }
                let state = State()
                state.pending = request.receiveBody { _ in
                    state.pending?.complete { $0.status = .unprocessableContent }
                    return .full
                }
            })
        try TestServer.run(routes: [route], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
            let answer = try client.readAnswer()
            #expect(answer.code == 422)
            #expect(answer.closes)
            let small = try server.connect(over: layer)
            small.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc")
            #expect(try small.readAnswer().code == 422)
            small.send("dGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try small.readAnswer().text == "root")
        }
    }

    @Test(
        "A receiver learns of a body that ends badly, and its answer is the last",
        arguments: Layer.allCases)
    func malformed(_ layer: Layer) throws {
        let gone = Atomic<Bool>(false)
        let route = Route(
            .post, "/held", summary: "for tests", statuses: [.ok], bodyLimit: 1,
            takesPieces: { _ in true },
            handler: { request, _ in
                final class State { var pending: PendingResponse? }
                let state = State()
                let witness = Witness { gone.store(true, ordering: .relaxed) }
                state.pending = request.receiveBody { part in
                    _ = witness
                    guard case .cut(let error) = part else { return .ready }
                    state.pending?.complete { $0.status = error.status }
                    state.pending = nil
                    return .ready
                }
            })
        try TestServer.run(routes: [route], isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            client.send(
                "POST /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx\r\n"
            )
            let answer = try client.readAnswer()
            #expect((answer.code, answer.closes) == (400, true))
            try eventually("the receiver is let go of") { gone.load(ordering: .relaxed) }
        }
    }
}
