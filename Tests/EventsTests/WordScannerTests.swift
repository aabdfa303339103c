import Events
import Testing

@Suite("WordScanner")
struct WordScannerTests {
    /// The words of a text, each followed by its parts in brackets.
    private func words(_ text: String, isJSON: Bool = false) -> String {
        var words: [String] = []
        Array(text.utf8).withUnsafeBytes { bytes in
            WordScanner().scan(bytes, isJSON: isJSON) { word, isWhole in
                let word = String(decoding: word, as: UTF8.self)
                words.append(isWhole ? word : "[\(word)]")
            }
        }
        return words.joined(separator: " ")
    }

    @Test(
        "Words are runs of letters and digits, in lower case",
        arguments: [
            ("", ""), (" - / ", ""), ("node-3", "node 3"), ("10.0.0.1", "10 0 0 1"),
            ("kube-system/coredns", "kube system coredns"), ("Back-off", "back off"),
            ("a_b", "a b"), ("x", "x"), ("Pod", "pod"), ("POD", "pod"), ("pod1", "pod1"),
            ("7d9f8b6c5-x2x4v", "7d9f8b6c5 x2x4v"),
        ])
    func ascii(text: String, wanted: String) {
        #expect(words(text) == wanted)
    }

    @Test(
        "Camel case has parts",
        arguments: [
            ("CrashLoopBackOff", "crashloopbackoff [crash] [loop] [back] [off]"),
            ("HTTPServer", "httpserver [http] [server]"), ("podIP", "podip [pod] [ip]"),
            ("eventTime", "eventtime [event] [time]"), ("iPhone", "iphone [i] [phone]"),
            ("Node3Ready", "node3ready [node3] [ready]"), ("OOMKilled", "oomkilled [oom] [killed]"),
            ("IPv6", "ipv6 [i] [pv6]"), ("A1", "a1"),
        ])
    func camelCase(text: String, wanted: String) {
        #expect(words(text) == wanted)
    }

    @Test(
        "Letters of other alphabets are letters, accents count",
        arguments: [
            ("Überfällig", "überfällig"), ("Été", "été"), ("Узел готов", "узел готов"),
            ("ノード", "ノード"), ("a—b", "a b"), ("x\u{00A0}y", "x y"), ("e\u{301}a", "e\u{301}a"),
            ("½", "½"), ("😀pod😀", "pod"),
        ])
    func unicode(text: String, wanted: String) {
        #expect(words(text) == wanted)
    }

    @Test(
        "In JSON an escape is what it stands for, or separates",
        arguments: [
            (#"{"a":"x\ny"}"#, "a x y"), (#""\u0050od""#, "pod"), (#""\u00C9t\u00e9""#, "été"),
            (#""x\"y""#, "x y"), (#""a\\nb""#, "a nb"), (#""\ud801\udc00x""#, "\u{10428}x"),
            (#""a\ud800b""#, "a b"), (#""a\u00""#, "a 00"),
        ])
    func json(text: String, wanted: String) {
        #expect(words(text, isJSON: true) == wanted)
        #expect(words(#"a\nb"#) == "a nb")
    }

    @Test("Bytes that are no UTF-8 separate words")
    func broken() {
        var words: [String] = []
        let bytes: [UInt8] = [0x61, 0xFF, 0x62, 0xC3]
        bytes.withUnsafeBytes { bytes in
            WordScanner().scan(bytes) { word, _ in
                words.append(String(decoding: word, as: UTF8.self))
            }
        }
        #expect(words == ["a", "b"])
    }

    @Test("Of a long word the beginning counts, and the parts that lie in it")
    func long() {
        let limit = WordScanner.maxBytes
        #expect(words(String(repeating: "a", count: limit)).utf8.count == limit)
        #expect(words(String(repeating: "a", count: limit + 1)).utf8.count == limit)
        let tail = String(repeating: "b", count: limit)
        #expect(words("aaB" + tail + " c") == "aab" + String(tail.dropLast(3)) + " [aa] c")
    }
}
