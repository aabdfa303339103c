import Testing

@testable import HTTPServer

@Suite("ListenAddress")
struct ListenAddressTests {
    @Test(
        "Host and port",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080), (":8080", "0.0.0.0", 8080),
            ("[::1]:0", "::1", 0),
            ("[::]:65535", "::", 65535), ("localhost:80", "localhost", 80),
            ("logbook.example:1", "logbook.example", 1),
        ] as [(String, String, UInt16)])
    func parse(text: String, host: String, port: UInt16) throws {
        #expect(ListenAddress(text) == .tcp(host: host, port: port))
    }

    @Test("A path", arguments: ["/run/logbook.sock", "logbook.sock", "/a:1"])
    func unix(path: String) {
        #expect(ListenAddress("unix:\(path)") == .unix(path: path))
    }

    @Test(
        "Invalid addresses",
        arguments: [
            "", "a", "8080", "a:", "a:b", "a:-1", "a:65536", "a:80 ", "a: 80", "::1:80", "::1",
            "[::1]",
            "a:8080:1", "a:+80", "a:8_0", "unix:", "unix",
        ])
    func malformed(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(
        "The description can be read again",
        arguments: ["127.0.0.1:80", "[::1]:80", "a:1", "unix:/run/a.sock"])
    func description(text: String) throws {
        #expect(try #require(ListenAddress(text)).description == text)
    }

    @Test(
        "Which addresses only this machine can reach",
        arguments: [
            ("127.0.0.1:1", true), ("unix:/a", true), ("127.1.2.3:1", true), ("[::1]:1", true),
            ("localhost:1", true),
            ("127.example.com:1", false), (":1", false), ("0.0.0.0:1", false), ("[::]:1", false),
            ("192.0.2.1:1", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try #require(ListenAddress(text)).isLoopback == isLoopback)
    }
}
