import Foundation
import Testing

@testable import HTTPServer

@Suite("Postponed answers")
struct PostponementTests {
    private static let request = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

    private func withServer(
        stallTimeout: Duration = .seconds(1), _ body: (TestServer, LaterRoute) throws -> Void
    ) throws {
        let later = LaterRoute()
        var limits = HTTPLimits()
        limits.stallTimeout = stallTimeout
        try TestServer.run(routes: [later.route], limits: limits) { server in
            try body(server, later)
        }
    }

    private func inThread(_ body: @escaping @Sendable () -> Void) {
        Thread(block: body).start()
    }

    @Test("Come from another thread, to whom they belong")
    func otherThread() throws {
        try withServer { server, later in
            var clients: [Client] = []
            var pending: [PendingResponse] = []
            for _ in 0..<20 {
                let client = try server.connect()
                client.send(Self.request)
                clients.append(client)
                pending += try later.take(1)
            }
            // Answered in reverse order.
            let answers = Array(pending.enumerated().reversed())
            inThread {
                for (index, response) in answers {
                    response.complete { $0.body = Array("\(index)".utf8) }
                }
            }
            for (index, client) in clients.enumerated() {
                #expect(try client.readAnswer().text == "\(index)")
            }
        }
    }

    @Test("A client that goes before its answer is reported, and one that has it is not")
    func gone() throws {
        try withServer(stallTimeout: .milliseconds(10)) { server, later in
            let answered = try server.connect()
            answered.send(Self.request)
            let pending = try later.take(1)
            pending[0].complete { $0.body = Array("here".utf8) }
            #expect(try answered.readAnswer().text == "here")
            answered.close()
            var client: Client? = try server.connect()
            client?.send(Self.request)
            _ = try later.take(1)
            client?.close()
            client = nil
            try eventually("the server to notice") { later.goneCount == 1 }
            try server.awaitConnections(0)
            #expect(later.goneCount == 1)
        }
    }

    @Test("Hold back later requests, and keep their order")
    func order() throws {
        try withServer { server, later in
            let client = try server.connect()
            client.send(
                Self.request + "GET /items/b HTTP/1.1\r\nHost: a\r\n\r\n" + Self.request
                    + "GET /items/d HTTP/1.1\r\nHost: a\r\n\r\n")
            let first = try later.take(1)
            // The second postponed request does not start before the first is answered.
            #expect(first.count == 1)
            inThread { first[0].complete { $0.body = Array("a".utf8) } }
            let third = try later.take(1)
            inThread { third[0].complete { $0.body = Array("c".utf8) } }
            let texts = try (0..<4).map { _ in try client.readAnswer().text }
            #expect(texts == ["a", "b", "c", "d"])
        }
    }

    @Test("Many at once take one wake-up")
    func enqueue() throws {
        try withServer { server, later in
            let clients = try (0..<20).map { _ in try server.connect() }
            for client in clients { client.send(Self.request) }
            for response in try later.take(20) { response.enqueue { $0.body = Array("done".utf8) } }
            server.server.wake()
            for client in clients { #expect(try client.readAnswer().text == "done") }
        }
    }

    @Test("May come before the handler has returned")
    func atOnce() throws {
        let route = TestServer.route(.get, "/at-once") { request, _ in
            request.postpone().complete { $0.body = Array("done".utf8) }
        }
        try TestServer.run(routes: [route]) { server in
            let client = try server.connect()
            for _ in 0..<10 {
                client.send("GET /at-once HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readAnswer().text == "done")
            }
        }
    }

    @Test("Have no body for HEAD, and close if that was asked")
    func headAndClose() throws {
        try withServer { server, later in
            let client = try server.connect()
            client.send("HEAD /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try later.take(1)[0].complete { $0.body = Array("unseen".utf8) }
            let answer = try client.readAnswer(answersHead: true)
            #expect(answer.field("content-length") == "6")
            #expect(answer.closes)
            #expect(try client.isAtEnd())
        }
    }

    @Test("Are dropped when the client has gone, and never reach the next in its place")
    func clientGone() throws {
        try withServer { server, later in
            for _ in 0..<50 {
                let gone = try server.connect()
                gone.send(Self.request)
                let response = try later.take(1)[0]
                gone.reset()
                try server.awaitConnections(0)
                // It takes the slot that has just become free.
                let next = try server.connect()
                next.send(Self.request)
                let nextResponse = try later.take(1)[0]
                response.complete { $0.body = Array("for the one that has gone".utf8) }
                nextResponse.complete { $0.body = Array("for the next".utf8) }
                #expect(try next.readAnswer().text == "for the next")
                next.close()
                try server.awaitConnections(0)
            }
        }
    }

    @Test("Reach a client that has only finished sending")
    func halfClosed() throws {
        // A client that is slow to be answered on a busy machine is not taken for gone.
        try withServer(stallTimeout: .seconds(3600)) { server, later in
            let client = try server.connect()
            client.send(Self.request + "GET /items/b HTTP/1.1\r\nHost: a\r\n\r\n")
            client.finishSending()
            try later.take(1)[0].complete { $0.body = Array("a".utf8) }
            let answers = try Answer.readAll(client.readToEnd())
            #expect(answers.map(\.text) == ["a", "b"])
            try server.awaitConnections(0)
        }
    }
}
