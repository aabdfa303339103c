import Foundation
import Testing

@testable import HTTPServer

@Suite("Figures")
struct FiguresTests {
    private static let limits = {
        var limits = HTTPLimits()
        limits.bufferedBytes = 4096
        return limits
    }()

    private static func find(
        _ figures: ServerFigures, _ path: String?, _ method: HTTPMethod?
    ) -> [Int: Int] {
        let requests = figures.requests.filter { $0.path == path && $0.method == method }
        #expect(requests.count <= 1)
        let counts = requests.first?.counts ?? []
        return Dictionary(
            uniqueKeysWithValues: zip(HTTPStatus.all.map(\.code), counts).filter { $0.1 > 0 })
    }

    @Test("Every status has its own index")
    func statuses() throws {
        let source = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../Sources/HTTPServer/Messages/HTTPStatus.swift"),
            encoding: .utf8)
        #expect(HTTPStatus.all.count == source.components(separatedBy: "= HTTPStatus(").count - 1)
        #expect(Set(HTTPStatus.all.map(\.code)).count == HTTPStatus.all.count)
    }

    @Test("Requests of all loops are counted by path, method and status")
    func requests() throws {
        try TestServer.run(loops: 3) { server in
            for _ in 0..<6 {
                let client = try server.connect()
                client.send("GET /items/a HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readAnswer().code == 200)
                client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readAnswer(answersHead: true).code == 200)
                client.send("DELETE /small HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readAnswer().code == 405)
                client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readAnswer().code == 404)
                client.send("no request\r\n\r\n")
                #expect(try client.readAnswer().code == 400)
            }
            let figures = server.server.figures
            #expect(Self.find(figures, "/items/{id}", .get) == [200: 6])
            #expect(Self.find(figures, "/", .head) == [200: 6])
            #expect(Self.find(figures, "/small", .delete) == [405: 6])
            #expect(Self.find(figures, nil, .get) == [404: 6])
            #expect(Self.find(figures, nil, nil) == [400: 6])
            #expect(figures.requests.count == 5)
            #expect(figures.requests.allSatisfy { $0.times.counts.reduce(0, +) == 6 })
            #expect(figures.accepted == 6)
            #expect(figures.connectionLimit == 4096)
        }
    }

    @Test("A request's time begins with its last byte and ends with its answer")
    func times() throws {
        let later = LaterRoute()
        try TestServer.run(routes: [later.route]) { server in
            func nanoseconds(_ path: String) throws -> Duration {
                let requests = server.server.figures.requests.first { $0.path == path }
                return .nanoseconds(try #require(requests).times.nanoseconds)
            }
            let client = try server.connect()
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
            usleep(50_000)  // The longer, the surer it is that a wait for the client would be seen.
            var begin = ContinuousClock.now
            client.send("cd")
            #expect(try client.readAnswer().code == 200)
            let echo = try nanoseconds("/echo")
            #expect(echo > .zero && echo <= ContinuousClock.now - begin)

            client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            let pending = try later.take(1)
            begin = ContinuousClock.now
            usleep(1000)
            let least = ContinuousClock.now - begin
            pending[0].complete { _ in }
            #expect(try client.readAnswer().code == 200)
            #expect(try nanoseconds("/later") >= least)
        }
    }

    @Test("Bytes are those that clients sent and got", arguments: Layer.allCases)
    func bytes(_ layer: Layer) throws {
        try TestServer.run(isSecure: layer.isSecure) { server in
            let client = try server.connect(over: layer)
            let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            client.send(request)
            let answer = try client.readToEnd()
            let figures = server.server.figures
            #expect(figures.received == request.utf8.count)
            #expect(figures.sent == answer.count)
        }
    }

    @Test("Bytes that a client does not take yet are counted once it does")
    func waitingBytes() throws {
        let body = [UInt8](repeating: 0x61, count: 16 << 20)
        let route = Route(.get, "/large", summary: "16 MiB", statuses: [.ok]) { _, response in
            response.body = body
        }
        try TestServer.run(routes: [route]) { server in
            let client = try server.connect(isNarrow: true)
            client.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try eventually("a beginning") { server.server.figures.sent > 0 }
            #expect(server.server.figures.sent < body.count)
            let answer = try client.readToEnd()
            #expect(server.server.figures.sent == answer.count)
        }
    }

    @Test("Connections that are given up are counted by why")
    func refusals() throws {
        try TestServer.run(limits: Self.limits) { server in
            let client = try server.connect()
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8192\r\n\r\n")
            client.send([UInt8](repeating: 0, count: 6000))
            #expect(try client.readAnswer().code == 503)
            #expect(server.server.figures.shed == 1)
        }
        try TestServer.run(isSecure: true) { server in
            let client = try server.connect()
            client.sendAsIs([UInt8](1...16))
            #expect(client.losesConnection())
            #expect(server.server.figures.failedHandshakes == 1)
            // A client that leaves silently, like a load balancer's probe, has not failed.
            try server.connect().close()
            try eventually("its end") {
                server.server.figures.accepted == 2 && server.server.connectionCount == 0
            }
            #expect(server.server.figures.failedHandshakes == 1)
        }
    }
}
