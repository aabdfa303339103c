import Testing

@testable import HTTPServer

@Suite("HostField")
struct HostFieldTests {
    @Test(
        "Hosts, with and without a port",
        arguments: [
            "a", "example.org", "example.org.", "EXAMPLE.org", "a-b_c~d", "127.0.0.1", "a:80", "a:",
            "a:65535", "[::1]", "[::1]:80", "[2001:db8::1]", "[::ffff:192.0.2.1]", "%61", "a%2Db",
            "!$&'()*+;=",
        ])
    func valid(host: String) {
        #expect(host.withBytes { HostField.isValid($0) })
    }

    @Test(
        "What is no host",
        arguments: [
            "", ":80", "a b", " a", "a\t", "a/b", "a?b", "a#b", "a@b", "a,b", "a:b", "a:80:80",
            "a:-1",
            "a:+1", "a: 80", "a:123456", "::1", "[::1", "[::1]a", "[]", "[]:80", "[g]", "[::1%25a]",
            "]", "a]", "é", "a\0", "\u{7F}", "a\\b", "<a>", "\"a\"", "{a}", "a|b", "a%", "a%4",
            "a%zz",
            "a%4g",
        ])
    func invalid(host: String) {
        #expect(!host.withBytes { HostField.isValid($0) })
    }
}
