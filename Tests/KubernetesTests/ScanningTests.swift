import HTTPClient
import Testing

@testable import Kubernetes

@Suite("Taking lists and lines apart")
struct ScanningTests {
    private func parts(_ text: String, limit: Int = 100, pieces: [Int]) throws -> (
        [String], ListScanner
    ) {
        var scanner = ListScanner(limit: limit)
        var parts: [String] = []
        var rest = Array(text.utf8)[...]
        for count in pieces + [rest.count] {
            try scanner.take(Array(rest.prefix(count))) { part, bytes in
                parts.append("\(part) \(String(decoding: bytes, as: UTF8.self))")
            }
            rest = rest.dropFirst(count)
        }
        return (parts, scanner)
    }

    @Test("A list is the same wherever it is cut")
    func list() throws {
        let text =
            " {\"kind\" : \"L{]\\\"\",\"n\":[{\"items\":[1]}] ,\"items\":[{\"a\":\"}\\\\\"},\n[1,[2]] , 7,\"x\"]\n,"
            + "\"metadata\":{\"a\":{\"b\":1}},\"last\":null} \n"
        let expected = [
            "item {\"a\":\"}\\\\\"}", "item [1,[2]]", "item 7", "item \"x\"",
            "metadata {\"a\":{\"b\":1}}",
        ]
        for cut in 0...text.utf8.count {
            let (parts, scanner) = try parts(text, pieces: [cut])
            #expect(parts == expected && scanner.isComplete && !scanner.isBroken)
        }
        let (single, _) = try parts(text, pieces: text.utf8.map { _ in 1 })
        #expect(single == expected)
    }

    @Test("What is too long is passed over, and only that")
    func longItem() throws {
        let long = "{\"a\":\"" + String(repeating: "x", count: 93) + "\"}"
        let (longest, scanner) = try parts(
            "{\"metadata\":{},\"items\":[\(long)]}", limit: 101, pieces: [50])
        #expect(longest.last == "item \(long)" && scanner.tooLong == 0)
        let (shorter, other) = try parts(
            "{\"items\":[\(long),{\"b\":1},\(long)],\"metadata\":7}", limit: 100, pieces: [])
        #expect(shorter == ["item {\"b\":1}", "metadata 7"])
        #expect(other.tooLong == 2 && other.isComplete)
    }

    @Test(
        "What is no list, or not all of one",
        arguments: [
            ("", false), ("[]", true), ("<html>", true), ("{\"items\":[{", false),
            ("{\"items\":null,\"metadata\":{}", false), ("{} x", true), ("{a", true),
            ("{\"a\" 1}", true),
        ])
    func noList(_ text: String, _ isBroken: Bool) throws {
        let (_, scanner) = try parts(text, pieces: [])
        #expect(scanner.isBroken == isBroken && !scanner.isComplete)
    }

    @Test("Lines, wherever they are cut, up to the limit")
    func lines() throws {
        let text = "one\n\n" + String(repeating: "x", count: 11) + "\n0123456789\ntwo\nrest"
        for size in 1...text.utf8.count {
            var splitter = LineSplitter(limit: 10)
            var lines: [String] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                try splitter.take(Array(rest.prefix(size))) {
                    lines.append(String(decoding: $0, as: UTF8.self))
                }
                rest = rest.dropFirst(size)
            }
            #expect(lines == ["one", "0123456789", "two"] && splitter.tooLong == 1)
        }
    }

    @Test("The server of a pod")
    func pod() throws {
        func server(_ host: String?, _ port: String?) -> String? {
            let variables = ["KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port]
            return APIServer(ofPod: { variables[$0] ?? nil })?.address.description
        }
        #expect(server("10.96.0.1", "443") == "https://10.96.0.1:443")
        #expect(server("fd00::1", "6443") == "https://[fd00::1]:6443")
        #expect(server(nil, "443") == nil && server("", "443") == nil)
        #expect(server("10.96.0.1", nil) == nil && server("10.96.0.1", "x") == nil)
    }
}
