import Testing

@testable import HTTPServer

@Suite("RequestParser")
struct RequestParserTests {
    private func parse(_ text: String, limits: HTTPLimits = HTTPLimits()) throws(HTTPError)
        -> RequestHead
    {
        var parser = RequestParser()
        let progress = try text.withBytes { bytes throws(HTTPError) in
            try parser.parse(bytes, limits: limits)
        }
        guard case .complete(let end) = progress else {
            throw HTTPError(.requestTimeout, "the head is incomplete")
        }
        #expect(end == text.utf8.count)
        return parser.head
    }

    private func status(_ text: String, limits: HTTPLimits = HTTPLimits()) -> HTTPStatus? {
        do throws(HTTPError) {
            _ = try parse(text, limits: limits)
            return nil
        } catch {
            return error.status
        }
    }

    @Test("Positions point into the bytes that were given")
    func positions() throws {
        let text = "POST /a?b HTTP/1.1\r\nHost: c\r\nX-D:  e \r\n\r\n"
        let head = try parse(text)
        let bytes = Array(text.utf8)
        #expect(head.method == .post)
        guard case .path(let path, let query?) = head.target else {
            Issue.record("no path")
            return
        }
        #expect(bytes[path] == Array("/a".utf8)[...])
        #expect(bytes[query] == Array("b".utf8)[...])
        #expect(
            head.fields.map { String(decoding: bytes[$0.name], as: UTF8.self) } == ["Host", "X-D"])
        #expect(head.fields.map { String(decoding: bytes[$0.value], as: UTF8.self) } == ["c", "e"])
    }

    @Test("The end of the head is reported, and the bytes after it are left alone")
    func end() throws {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        var parser = RequestParser()
        let progress = try (head + "anything \u{1}").withBytes { bytes throws(HTTPError) in
            try parser.parse(bytes, limits: HTTPLimits())
        }
        guard case .complete(let end) = progress else {
            Issue.record("incomplete")
            return
        }
        #expect(end == head.utf8.count)
    }

    @Test("A head knows if it has begun, and nothing of the last one stays")
    func reset() throws {
        var parser = RequestParser()
        #expect(!parser.hasStarted)
        let first =
            "POST /a HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        _ = try first.withBytes { bytes throws(HTTPError) in
            try parser.parse(bytes, limits: HTTPLimits())
        }
        #expect(parser.hasStarted)
        #expect(parser.head.framing == .length(5))
        parser.reset()
        #expect(!parser.hasStarted)
        _ = try "GET / HTTP/1.1\r\nHost: b\r\n\r\n".withBytes { bytes throws(HTTPError) in
            try parser.parse(bytes, limits: HTTPLimits())
        }
        #expect(parser.head.framing == .none)
        #expect(parser.head.fields.count == 1)
        #expect(parser.head.keepsAlive && parser.head.isHTTP11 && !parser.head.expectsContinue)
    }

    @Test(
        "How the body is framed",
        arguments: [
            ("", RequestHead.Framing.none), ("Content-Length: 0\r\n", .none),
            ("Content-Length: 7\r\n", .length(7)), ("Transfer-Encoding: chunked\r\n", .chunked),
        ])
    func framing(fields: String, framing: RequestHead.Framing) throws {
        #expect(try parse("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").framing == framing)
    }

    @Test(
        "An absolute target without path and query means the whole server to OPTIONS",
        arguments: [
            ("OPTIONS http://a", true), ("OPTIONS http://a/", false),
            ("OPTIONS http://a?b", false), ("GET http://a", false),
        ])
    func emptyPath(line: String, isAsterisk: Bool) throws {
        let target = try parse("\(line) HTTP/1.1\r\nHost: a\r\n\r\n").target
        if case .asterisk = target { #expect(isAsterisk) } else { #expect(!isAsterisk) }
    }

    @Test("Expectations are told apart")
    func expectations() throws {
        let known = try parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n")
        #expect(known.expectsContinue && !known.hasUnknownExpectation)
        let unknown = try parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: other\r\n\r\n")
        #expect(!unknown.expectsContinue && unknown.hasUnknownExpectation)
        let both = try parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: other, 100-continue\r\n\r\n")
        #expect(both.expectsContinue && both.hasUnknownExpectation)
    }

    @Test("A method as long as the bound, and one byte longer")
    func methodBound() {
        var limits = HTTPLimits()
        limits.methodBytes = 5
        #expect(status("BREWS / HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == nil)
        #expect(status("BREWST / HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == .badRequest)
    }

    @Test("A target as long as the bound, and one byte longer")
    func targetBound() {
        var limits = HTTPLimits()
        limits.targetBytes = 20
        let target = "/" + String(repeating: "a", count: 19)
        #expect(status("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == nil)
        #expect(status("GET \(target)a HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == .uriTooLong)
        #expect(status("GET \(target)a", limits: limits) == .uriTooLong)
    }

    @Test("A section as long as the bound, its empty line included, and one byte longer")
    func sectionBound() {
        var limits = HTTPLimits()
        limits.headerBytes = 18
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\nX: bc\r\n\r\n", limits: limits) == nil)
        #expect(
            status("GET / HTTP/1.1\r\nHost: a\r\nX: bcd\r\n\r\n", limits: limits)
                == .headerFieldsTooLarge)
        #expect(
            status("GET / HTTP/1.1\r\nHost: a\r\nX: bcdefgh", limits: limits)
                == .headerFieldsTooLarge)
    }

    @Test("As many fields as the bound, and one more")
    func fieldBound() {
        var limits = HTTPLimits()
        limits.headerFields = 3
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nX:\r\n\r\n", limits: limits) == nil)
        #expect(
            status("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nX:\r\nX:\r\n\r\n", limits: limits)
                == .headerFieldsTooLarge)
    }
}
