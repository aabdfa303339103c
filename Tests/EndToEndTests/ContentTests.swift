import Foundation
import Testing

@Suite("What a body may be")
struct ContentTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    @Test(
        "The content type is a hint: what looks like JSON is read as JSON",
        arguments: [
            nil, "application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
            "application/x-www-form-urlencoded", "text/plain", "application/octet-stream",
            "nonsense",
        ])
    func sniffed(_ type: String?) throws {
        let headers = type.map { [("Content-Type", $0)] } ?? []
        for (body, status) in [
            (NewEvent().json, 201), (" \t\r\n" + NewEvent().json + " \n", 201),
            ("\n[\(NewEvent().json)]", 200),
        ] {
            let response = try server.exchange("POST", "/events", body, headers: headers)
            #expect(response.status == status, "\(response.text)")
        }
    }

    @Test(
        "What does not look like JSON is 415",
        arguments: [
            ("text/plain", "hello"), ("application/x-www-form-urlencoded", "title=t&severity=info"),
            ("application/xml", "<event/>"), ("text/csv", "\"a\",\"b\""),
            ("text/plain", "\u{feff}{}"),
        ])
    func unsupported(_ type: String, _ body: String) throws {
        let headers = [("Content-Type", type)]
        try server.exchange("POST", "/events", body, headers: headers).problem(415)
        try server.exchange("POST", "/events", body).problem(415)
    }

    @Test("A coding that is not known is 415", arguments: ["br", "zstd", "snappy", "gzip, gzip"])
    func compressed(_ encoding: String) throws {
        let headers = [("Content-Encoding", encoding)]
        try server.exchange("POST", "/events", NewEvent().json, headers: headers).problem(415)
    }

    @Test(
        "A JSON value that is no event is 422 or 400", arguments: ["1", "\"text\"", "null", "true"])
    func scalar(_ body: String) throws {
        let problem = try server.post(body).problem(422)
        #expect(problem.detail.contains("object"), "\(problem.detail)")
    }

    @Test("An empty body is 400", arguments: ["", " ", "\r\n\t "])
    func empty(_ body: String) throws {
        try server.post(body).problem(400)
        try server.exchange("POST", "/events", body).problem(400)
    }

    @Test("A POST without any body is 400")
    func noBody() throws { try server.exchange("POST", "/events").problem(400) }

    @Test(
        "Malformed JSON is 400, with line and column",
        arguments: [
            ("{", 1, 2), (#"{"title":}"#, 1, 10), ("{\n  \"title\": \"a\"\n  \"x\": 1}", 3, 3),
            ("{\"title\":\"a\tb\"}", 1, 12), ("{\"title\":'a'}", 1, 10),
            ("{\"title\":\"a\",}", 1, 14),
            ("{\"metadata\":{\"n\":01}}", 1, 19), ("{\"metadata\":{\"n\":1.}}", 1, 20),
            ("{\"metadata\":{\"n\":NaN}}", 1, 18), ("{\"title\":\"a\"} x", 1, 15),
            (#"{"title":"\x"}"#, 1, 12), (#"{"title":"\ud800"}"#, 1, 17),
            ("\n\n[\n{]", 4, 2), ("{\"title\":\"é\"}}", 1, 15),
            ("{\"metadata\":{}}{]", 1, 17), ("// c\n{}", 1, 1),
        ])
    func malformed(_ body: String, _ line: Int, _ column: Int) throws {
        let problem = try server.post(body).problem(400)
        #expect(
            problem.detail.contains("line \(line), column \(column)"), "\(problem.detail)")
        #expect(try server.walk("").isEmpty)
    }

    @Test("Bytes that are not UTF-8 are 400")
    func notUnicode() throws {
        let overlong: [[UInt8]] = [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80],
        ]
        for bytes in overlong {
            let body =
                Array(#"{"event_type":"x","severity":"info","title":""#.utf8) + bytes
                + Array("\"}".utf8)
            let client = try server.connect()
            try client.send(
                "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.count)\r\n\r\n")
            try client.send(body)
            try client.readResponse().problem(400)
        }
        #expect(try server.walk("").isEmpty)
    }

    @Test(
        "A key that occurs twice is malformed",
        arguments: [
            #"{"event_type":"x","severity":"info","title":"t","title":"t"}"#,
            #"{"event_type":"x","severity":"info","title":"t","t\u0069tle":"u"}"#,
            #"{"event_type":"x","severity":"info","title":"t","what":1,"what":2}"#,
            #"{"event_type":"x","severity":"info","title":"t","metadata":{"a":{"b":1,"b":1}}}"#,
            #"{"event_type":"x","severity":"info","title":"t","metadata":{"a":1,"\u0061":1}}"#,
        ])
    func duplicateKey(_ body: String) throws {
        let problem = try server.post(body).problem(400)
        #expect(
            problem.detail.contains(/title|what|"b"|"a"|u0061/), "\(problem.detail)")
        #expect(problem.detail.contains("line 1, column "), "\(problem.detail)")
        #expect(try server.walk("").isEmpty)
    }

    @Test("Nesting without end is refused, and the service lives on")
    func deep() throws {
        for opening in ["[", "{\"a\":"] {
            let body = String(repeating: opening, count: 200_000)
            #expect((400...422).contains(try server.post(body).status))
        }
        let event = #"{"event_type":"x","severity":"info","title":"t","metadata":{"a":"#
        let nested = event + String(repeating: "[", count: 100_000)
        #expect((400...422).contains(try server.post(nested).status))
        #expect(try server.exchange("GET", "/healthz").status == 200)
    }
}
