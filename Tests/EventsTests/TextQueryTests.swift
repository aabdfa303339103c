import Events
import Testing

@Suite("TextQuery")
struct TextQueryTests {
    private func matches(_ q: String, _ fields: [EventField: String]) throws -> Bool {
        let matcher = TextMatcher(try TextQuery(q))
        var all: [UInt8] = []
        var ranges: [EventField: Range<Int>] = [:]
        for (field, text) in fields {
            ranges[field] = all.count..<(all.count + text.utf8.count)
            all += text.utf8
        }
        return all.withUnsafeBytes { bytes in
            var view = EventView(seq: 1)
            for (field, range) in ranges {
                view[field] = UnsafeRawBufferPointer(rebasing: bytes[range])
            }
            // Twice, because a matcher must keep nothing of the previous event.
            let first = matcher.matches(view)
            return matcher.matches(view) && first
        }
    }

    private static let event: [EventField: String] = [
        .title: "BackOff: Back-off restarting failed container",
        .description: "kube-system/coredns-7d9f8b6c5 on node-3 at 10.0.0.1 is in CrashLoopBackOff",
        .objectName: "coredns-7d9f8b6c5", .objectKind: "Pod", .objectNamespace: "hidden",
        .metadata: #"{"reason":"Back\u004fff","count":17,"note":"last line\nfirst line"}"#,
    ]

    @Test(
        "What is found",
        arguments: [
            "coredns", "CoreDNS", "node-3", "node", "3", "10.0.0.1", "10.0", "crashloopbackoff",
            "CrashLoopBackOff", "loop", "off", "kube-system/coredns", "system", "crash*", "core*",
            "kube-sys*", "\"failed container\"", "\"Back-off restarting\"", "\"failed cont\"*",
            "17",
            "reason", "restarting coredns", "coredns -etcd", "coredns -\"container failed\"",
            "\"last line\"", "\"line first\"", "-etcd coredns", "backoff", "coredns coredns",
            "coredns\t node", "\"coredns\"-etcd", "7d9f8b6c5*",
        ])
    func found(q: String) throws {
        #expect(try matches(q, Self.event))
    }

    @Test(
        "What is not",
        arguments: [
            "core", "node-4", "3-node", "10.0.0.2", "pod", "hidden", "crashloop",
            "\"container failed\"",
            "coredns etcd", "coredns -node", "coredns -\"failed container\"", "coredns -crash*",
            "\"container kube\"", "nfirst", "\"failed co\"", "u004fff", "nodes*", "\"node 10\"",
        ])
    func notFound(q: String) throws {
        #expect(try !matches(q, Self.event))
    }

    @Test("Only exclusions match an event without texts")
    func empty() throws {
        #expect(try !matches("a", [.title: ""]))
        #expect(try matches("-a b", [.title: "b"]))
    }

    @Test(
        "Errors are explained",
        arguments: [
            ("-a", "names no word"), ("-\"a b\" -c", "names no word"), ("\"a", "quote"),
            ("a \"b c", "quote"), ("a *", "no word"), ("a -", "no word"), ("\"\"", "no word"),
            ("--", "no word"), ("   ", "names no word"), ("a*", "at least 2"),
            ("x-a*", "at least 2"),
            (String(repeating: "a ", count: 17), "16 words"),
            ("\"" + String(repeating: "a ", count: 17) + "\"", "16 words"),
            (String(repeating: "a", count: 1025), "1024 bytes"),
        ])
    func wrong(q: String, detail: String) {
        let error = #expect(throws: QueryError.self) { try TextQuery(q) }
        #expect(error?.parameter == "q")
        #expect(error?.detail.contains(detail) ?? false, "\(error?.detail ?? "")")
    }

    @Test("Its bounds are its bounds")
    func bounds() throws {
        #expect(try TextQuery(String(repeating: "a ", count: 16)).required.count == 16)
        #expect(try TextQuery(String(repeating: "a", count: 1024)).required[0].words[0].count == 64)
        let required = try TextQuery("Node-32* -x \"a b\" cd*").required
        #expect(
            required.map { $0.words.map { String(decoding: $0, as: UTF8.self) } } == [
                ["node"], ["a", "b"], [],
            ])
        #expect(required.map(\.prefix) == [Array("32".utf8), nil, Array("cd".utf8)])
    }
}
