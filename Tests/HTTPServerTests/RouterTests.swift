import Testing

@testable import HTTPServer

@Suite("Router")
struct RouterTests {
    private let router = Router([
        TestServer.route(.get, "/") { _, _ in },
        TestServer.route(.get, "/events") { _, _ in },
        TestServer.route(.post, "/events") { _, _ in },
        TestServer.route(.get, "/events/{id}") { _, _ in },
        TestServer.route(.delete, "/events/{id}") { _, _ in },
        TestServer.route(.get, "/events/stream") { _, _ in },
        TestServer.route(.post, "/a/b") { _, _ in },
        TestServer.route(.post, "/c/{name}/d") { _, _ in },
        TestServer.route(.post, "/c/{name}/e/{id}") { _, _ in },
        TestServer.route(.get, "/rest/{path}", takesRest: true) { _, _ in },
    ])

    private func path(_ path: String) -> String? {
        path.withBytes { router.match($0)?.entry.routes.first?.path }
    }

    private func parameter(_ path: String) -> String? {
        path.withBytes { router.match($0).map { String(decoding: $0.parameter, as: UTF8.self) } }
    }

    @Test(
        "Paths are compared as they are",
        arguments: [
            ("/", "/"), ("/events", "/events"), ("/a/b", "/a/b"), ("/events/1", "/events/{id}"),
            ("/events/", nil), ("/events//", nil), ("/event", nil), ("/eventss", nil),
            ("/Events", nil),
            ("//", nil), ("//events", nil), ("/events/1/", nil), ("/events/1/2", nil), ("/a", nil),
            ("/a/b/", nil), ("/a/b/c", nil), ("/nowhere", nil), ("/events;a", nil),
            ("/c/x/d", "/c/{name}/d"), ("/c/d/d", "/c/{name}/d"), ("/c//d", nil), ("/c/d", nil),
            ("/c/x/d/", nil), ("/c/x/y/d", nil), ("/c/x/dd", nil), ("/c/x/e", nil), ("/c/xyz", nil),
            ("/c/xd", nil), ("/c/", nil), ("/c/x/e/1", "/c/{name}/e/{id}"), ("/c/x/e/", nil),
            ("/c//e/1", nil), ("/c/x/f/1", nil), ("/c/x/e/1/", nil), ("/c/x/e/1/2", nil),
            ("/c/%20/%65/%2F", "/c/{name}/e/{id}"), ("/rest", nil), ("/rest/", nil),
            ("/rest/a", "/rest/{path}"), ("/rest/a/b/c", "/rest/{path}"),
            ("/%72est/a%20/b", "/rest/{path}"), ("/rest/%20", "/rest/{path}"), ("/rests/a", nil),
        ] as [(String, String?)])
    func match(path: String, route: String?) {
        #expect(self.path(path) == route)
    }

    @Test("An empty path is the root", arguments: [""])
    func empty(path: String) {
        #expect(self.path(path) == "/")
    }

    @Test("A literal wins over a parameter, wherever it was declared")
    func literalFirst() {
        #expect(path("/events/stream") == "/events/stream")
        #expect(path("/events/streams") == "/events/{id}")
    }

    @Test(
        "A segment is decoded once, after the split",
        arguments: [
            ("/events/a%20b", "a b"), ("/events/%61", "a"), ("/events/a+b", "a+b"),
            ("/events/%2561", "%61"), ("/events/a%2Fb", "a/b"), ("/events/%2F", "/"),
            ("/events/%2f%2F", "//"), ("/events/..", ".."), ("/events/%2E%2e", ".."),
            ("/events/a%3Fb", "a?b"), ("/events/%C3%A9", "é"), ("/events/%00", "\0"),
            ("/%65vents/1", "1"), ("/events/%73tream", ""), ("/c/x/e/1", "x/1"),
            ("/c/x/e/a%2Fb", "x/a/b"),
            ("/c/x/d", "x"), ("/c/x%2Fd/d", "x/d"), ("/%63/%78/%64", "x"),
        ])
    func parameters(path: String, parameter: String) {
        #expect(self.parameter(path) == parameter)
    }

    @Test(
        "An encoded slash separates nothing",
        arguments: [
            "/events%2F1", "/events%2f1", "%2Fevents", "/%2Fevents", "/events%2F", "/a%2Fb",
            "/events%2F/1", "/events%2F1/2", "/events/1%2F/2", "%2Fevents/1", "/events%2F%2F1",
        ])
    func encodedSlash(path: String) {
        #expect(self.path(path) == nil)
    }

    @Test(
        "Dots are not resolved",
        arguments: [
            "/a/../events", "/./events", "/../events", "/events/.", "/events/1/..",
            "/a/%2e%2e/events",
        ])
    func dots(path: String) {
        #expect(self.path(path) != "/events")
    }

    @Test(
        "Allow lists the path's methods, HEAD behind GET, OPTIONS always",
        arguments: [
            ("/events", "GET, HEAD, POST, OPTIONS"), ("/events/1", "GET, HEAD, DELETE, OPTIONS"),
            ("/a/b", "POST, OPTIONS"),
        ])
    func allow(path: String, allow: String) {
        let found = path.withBytes { router.match($0)?.entry.allow }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == allow)
    }

    @Test("OPTIONS * lists every method that some path has")
    func allowAnywhere() {
        #expect(
            String(decoding: router.allowedAnywhere, as: UTF8.self)
                == "GET, HEAD, POST, DELETE, OPTIONS")
    }

    @Test("HEAD finds the route of GET, and only that")
    func head() throws {
        let events = try #require("/events".withBytes { router.match($0) })
        #expect(events.entry.route(.head)?.method == .get)
        #expect(events.entry.route(.put) == nil)
        let postOnly = try #require("/a/b".withBytes { router.match($0) })
        #expect(postOnly.entry.route(.head) == nil)
    }
}
