import Testing

@testable import HTTPServer

@Suite("Response")
struct ResponseTests {
    private func written(
        closes: Bool = false, omitsBody: Bool = false, _ fill: (inout Response) -> Void
    ) -> String {
        var response = Response()
        fill(&response)
        var output: [UInt8] = []
        response.write(
            to: &output, date: Array("Date: now\r\n".utf8), isChunked: false, closes: closes,
            omitsBody: omitsBody)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("An answer as it goes over the wire")
    func whole() {
        let text = written { response in
            response.status = .created
            response.body = Array("{}".utf8)
            response.addHeader("Location", Array("/events/1".utf8))
        }
        #expect(
            text == """
                HTTP/1.1 201 Created\r
                Date: now\r
                Content-Type: application/json\r
                Content-Length: 2\r
                X-Content-Type-Options: nosniff\r
                Location: /events/1\r
                \r
                {}
                """)
    }

    @Test("Without a body there is a length, and no type")
    func empty() {
        let text = written { _ in }
        #expect(text.contains("Content-Length: 0\r\n"))
        #expect(!text.contains("\r\nContent-Type:"))
    }

    @Test("204 has neither length nor type, nor a body left by a handler")
    func noContent() {
        let text = written { response in
            response.status = .noContent
            response.contentType = nil
            response.body = Array("left behind".utf8)
        }
        #expect(!text.contains("Content-Length"))
        #expect(!text.contains("left behind"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test("HEAD is answered with the fields of GET alone")
    func head() {
        let fill: (inout Response) -> Void = { $0.body = Array("abc".utf8) }
        #expect(written(omitsBody: true, fill) + "abc" == written(fill))
    }

    @Test("Connection says when it is the last answer")
    func closes() {
        #expect(written(closes: true) { _ in }.contains("\r\nConnection: close\r\n\r\n"))
        #expect(!written { _ in }.contains("Connection"))
    }

    @Test(
        "A value cannot end its line",
        arguments: ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "\r\n\r\n<html>", "\r", "\n"])
    func splitting(value: String) {
        let text = written { $0.addHeader("Location", Array(value.utf8)) }
        let lines = text.split(separator: "\r\n" as Character, omittingEmptySubsequences: false)
        // Status, Date, Content-Length, X-Content-Type-Options, Location, then the empty line.
        #expect(lines.count == 7)
        #expect(lines[4].hasPrefix("Location: "))
        #expect(lines[4].utf8.count == "Location: ".utf8.count + value.utf8.count)
        #expect(!text.unicodeScalars.contains("\0"))
        #expect(lines.allSatisfy { !$0.utf8.contains(13) && !$0.utf8.contains(10) })
    }

    @Test("Nothing of the last answer stays")
    func clear() {
        var response = Response()
        response.status = .conflict
        response.contentType = nil
        response.body = [1]
        response.addHeader("X-A", "b")
        response.clear()
        #expect(response.status == .ok)
        #expect(response.contentType?.description == "application/json")
        #expect(response.body.isEmpty)
        #expect(response.fields.isEmpty)
    }
}
